# {fmt} for another machine: its headers alone. build/machines/include has links to the folders of architecture-independent
# headers that tests/machines/run makes.
if(NOT TARGET fmt::fmt-header-only)
  add_library(fmt::fmt-header-only INTERFACE IMPORTED)
  target_compile_definitions(fmt::fmt-header-only INTERFACE FMT_HEADER_ONLY)
  target_include_directories(fmt::fmt-header-only SYSTEM INTERFACE ${Boost_INCLUDE_DIR})
endif()
