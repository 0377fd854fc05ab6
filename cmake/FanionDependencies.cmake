# One small C++ package: from the system where it is installed, else fetched at a pinned version.
include(FetchContent)

macro(fanion_dependency package repository tag)
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND)
    message(STATUS "fanion: ${package} is not installed, fetching ${tag}")
    FetchContent_Declare(${package} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW TRUE EXCLUDE_FROM_ALL)
    FetchContent_MakeAvailable(${package})
  endif()
endmacro()
