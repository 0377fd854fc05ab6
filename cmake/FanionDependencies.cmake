# The small C++ packages: the oldest that is taken from the system, and what is fetched where there is none.
include(FetchContent)

set(FANION_nlohmann_json 3.11 https://github.com/nlohmann/json.git v3.11.3)
set(FANION_CLI11 2.1 https://github.com/CLIUtils/CLI11.git v2.4.2)
set(FANION_GTest 1.12 https://github.com/google/googletest.git v1.14.0)

macro(fanion_dependency package)
  list(GET FANION_${package} 0 oldest)
  list(GET FANION_${package} 1 repository)
  list(GET FANION_${package} 2 tag)
  find_package(${package} ${oldest} QUIET)
  if(NOT ${package}_FOUND)
    message(STATUS "fanion: ${package} ${oldest} or later is not installed, fetching ${tag}")
    FetchContent_Declare(${package} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW TRUE EXCLUDE_FROM_ALL)
    FetchContent_MakeAvailable(${package})
  endif()
endmacro()
