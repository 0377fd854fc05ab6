# find_package(fanion) makes the target fanion::fanion.
#
# The package lies in site-packages/fanion, beside the torch it was built for; `python -m fanion --cmake-prefix`
# prints the folder to put into CMAKE_PREFIX_PATH.
get_filename_component(_fanion_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
get_filename_component(_fanion_torch "${_fanion_prefix}/../torch" ABSOLUTE)
if(NOT FANION_TORCH_DIR AND EXISTS "${_fanion_torch}/lib")
  set(FANION_TORCH_DIR "${_fanion_torch}")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/FanionLibtorch.cmake")

if(NOT TARGET fanion::fanion)
  add_library(fanion::fanion SHARED IMPORTED)
  set_target_properties(fanion::fanion PROPERTIES
    IMPORTED_LOCATION "${_fanion_prefix}/lib/libfanion.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_fanion_prefix}/include"
    INTERFACE_LINK_LIBRARIES fanion::libtorch)
endif()
