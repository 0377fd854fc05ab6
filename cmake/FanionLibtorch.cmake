# Finds the libtorch that a Python's torch package brings and makes the target fanion::libtorch.
#
# Torch's own CMake package insists on a CUDA toolkit when the wheel was built with CUDA; a user of the C++
# API needs only headers and three libraries, which this file looks up. Set FANION_PYTHON to choose the Python.

if(TARGET fanion::libtorch)
  return()
endif()

if(NOT FANION_TORCH_DIR)
  if(NOT FANION_PYTHON)
    find_program(FANION_PYTHON NAMES python3 python REQUIRED)
  endif()
  execute_process(
    COMMAND ${FANION_PYTHON} -c "import torch, os; print(os.path.dirname(torch.__file__), torch.__version__, sep=';')"
    OUTPUT_VARIABLE found
    RESULT_VARIABLE failed
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed)
    message(FATAL_ERROR "${FANION_PYTHON} cannot import torch; install torch 2.13 or set FANION_PYTHON to a Python that has it")
  endif()
  list(GET found 0 FANION_TORCH_DIR)
  list(GET found 1 torch_version)
  if(torch_version VERSION_LESS 2.13 OR NOT torch_version MATCHES "^2\\.13\\.")
    message(FATAL_ERROR "fanion needs torch 2.13, ${FANION_PYTHON} has ${torch_version}")
  endif()
  set(FANION_TORCH_DIR "${FANION_TORCH_DIR}" CACHE PATH "the torch package whose headers and libraries are used")
  message(STATUS "fanion: libtorch ${torch_version} in ${FANION_TORCH_DIR}")
endif()

add_library(fanion::libtorch INTERFACE IMPORTED)
target_include_directories(fanion::libtorch SYSTEM INTERFACE
  "${FANION_TORCH_DIR}/include" "${FANION_TORCH_DIR}/include/torch/csrc/api/include")
find_library(FANION_TORCH_CPU torch_cpu PATHS "${FANION_TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
find_library(FANION_TORCH_LIB torch PATHS "${FANION_TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
find_library(FANION_C10 c10 PATHS "${FANION_TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
# libtorch registers the accelerator backends by being loaded, so it must not be dropped as unused.
target_link_libraries(fanion::libtorch INTERFACE
  "-Wl,--no-as-needed" ${FANION_TORCH_LIB} "-Wl,--as-needed" ${FANION_TORCH_CPU} ${FANION_C10})
target_compile_features(fanion::libtorch INTERFACE cxx_std_20)
