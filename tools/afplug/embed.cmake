# cmake -DFROM=FOLDER -DTO=FILE -P embed.cmake: writes a C++ source that holds the files below FOLDER.
file(GLOB_RECURSE files RELATIVE ${FROM} ${FROM}/*)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  file(READ ${FROM}/${file} text)
  string(APPEND entries "    {R\"file(${file})file\", R\"file(${text})file\"},\n")
endforeach()
file(WRITE ${TO} "// Made by embed.cmake.
#include \"templates.hpp\"

namespace afplug::command {
std::span<const template_file> template_files() {
  static constexpr template_file files[] = {
${entries}  };
  return files;
}
}  // namespace afplug::command
")
