# Finds the libtorch that a Python's torch package brings, or that FANION_TORCH_DIR names; makes the target
# fanion::libtorch and sets FANION_TORCH_VERSION.
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
    COMMAND ${FANION_PYTHON} -c "from importlib.util import find_spec; print(find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE FANION_TORCH_DIR
    RESULT_VARIABLE failed
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET)
  if(failed)
    message(FATAL_ERROR "fanion: ${FANION_PYTHON} has no torch; install it there, or set FANION_PYTHON to a Python that has it, "
                        "or FANION_TORCH_DIR to the folder of a torch package")
  endif()
  set(FANION_TORCH_DIR "${FANION_TORCH_DIR}" CACHE PATH "the torch package whose headers and libraries are used")
endif()

# The package says its version in version.py, PyTorch's C++ archive in build-version.
if(EXISTS "${FANION_TORCH_DIR}/version.py")
  file(STRINGS "${FANION_TORCH_DIR}/version.py" FANION_TORCH_VERSION REGEX "^__version__ = ")
elseif(EXISTS "${FANION_TORCH_DIR}/build-version")
  file(STRINGS "${FANION_TORCH_DIR}/build-version" FANION_TORCH_VERSION LIMIT_COUNT 1)
endif()
string(REGEX MATCH "[0-9]+[.][0-9]+[0-9A-Za-z.+]*" FANION_TORCH_VERSION "${FANION_TORCH_VERSION}")
if(NOT FANION_TORCH_VERSION)
  message(FATAL_ERROR "fanion: FANION_TORCH_DIR = ${FANION_TORCH_DIR} is no torch package: it has no version.py with a __version__")
endif()
string(REGEX MATCH "^[0-9]+[.][0-9]+" FANION_TORCH_MINOR "${FANION_TORCH_VERSION}")

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
