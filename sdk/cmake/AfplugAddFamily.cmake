# afplug_add_family(NAME SOURCE… [INCLUDE DIRECTORY…]): builds the plugin NAME.so from C or C++ sources against afplug::sdk. The
# target is NAME; of afplug's own plugins afplug_NAME, with the alias afplug::NAME.
#
# The plugin exports only afplug_entry: the dynamic linker could bind other symbols to those of another plugin. In afplug's
# own tree the plugin is built in the plugin directory, installed, and compiled with the build's warnings.
function(afplug_add_family family)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "INCLUDE")
  set(name ${family})
  if(DEFINED AFPLUG_PLUGIN_DIRECTORY)
    set(name afplug_${family})
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${arg_INCLUDE})
  target_link_libraries(${name} PRIVATE afplug::sdk)
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    OUTPUT_NAME ${family}
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(C IN_LIST languages)
    target_compile_features(${name} PRIVATE c_std_11)
  endif()
  if(CXX IN_LIST languages)
    target_compile_features(${name} PRIVATE cxx_std_20)
  endif()
  # The dynamic linker merges GNU_UNIQUE symbols of different plugins, even with RTLD_LOCAL.
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  if(WIN32)
    target_link_libraries(${name} PRIVATE ws2_32 iphlpapi)
  else()
    set(version_script ${CMAKE_CURRENT_BINARY_DIR}/${name}.exports)
    file(WRITE ${version_script} "{ global: afplug_entry; local: *; };\n")
    target_link_options(${name} PRIVATE
      -Wl,--version-script=${version_script} -Wl,-z,relro,-z,now -Wl,-z,separate-code)
    # With clang the sanitizers' runtime is linked into the program only, so that its symbols are undefined here.
    if(NOT AFPLUG_SANITIZE)
      target_link_options(${name} PRIVATE -Wl,--no-undefined)
    endif()
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${version_script})
  endif()
  if(DEFINED AFPLUG_PLUGIN_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${AFPLUG_PLUGIN_DIRECTORY})
    set_property(GLOBAL APPEND PROPERTY AFPLUG_PLUGINS ${name})
    add_library(afplug::${family} ALIAS ${name})
  endif()
  if(TARGET afplug_build_flags)
    target_link_libraries(${name} PRIVATE afplug_build_flags)
  endif()
  if(DEFINED AFPLUG_PLUGIN_INSTALL_DIRECTORY)
    install(TARGETS ${name} LIBRARY DESTINATION ${AFPLUG_PLUGIN_INSTALL_DIRECTORY})
  endif()
endfunction()
