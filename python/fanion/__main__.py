"""`python -m fanion`: the program `fanion`; with --cmake-prefix alone, where CMake finds the C++ library."""

import sys

import fanion_program
from fanion import cmake_prefix_path

if sys.argv[1:] == ["--cmake-prefix"]:
    print(cmake_prefix_path)
else:
    fanion_program.main()
