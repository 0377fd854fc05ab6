# Stops where the torch that was found is outside FANION_TORCH_SUPPORTED, as ">=2.9,<2.15".
if(NOT FANION_TORCH_SUPPORTED MATCHES "^>=([0-9.]+),<([0-9.]+)$")
  message(FATAL_ERROR "fanion: pyproject.toml's range of torch versions must read as >=2.9,<2.15, got '${FANION_TORCH_SUPPORTED}'")
endif()
if(FANION_TORCH_MINOR VERSION_LESS CMAKE_MATCH_1 OR FANION_TORCH_MINOR VERSION_GREATER_EQUAL CMAKE_MATCH_2)
  message(FATAL_ERROR "fanion builds with torch ${FANION_TORCH_SUPPORTED}, this is torch ${FANION_TORCH_VERSION} in ${FANION_TORCH_DIR}; "
                      "install one of those, or set FANION_PYTHON to a Python that has it")
endif()
message(STATUS "fanion: torch ${FANION_TORCH_VERSION} in ${FANION_TORCH_DIR}")
