# FANION_SANITIZE compiles everything under GCC's or Clang's sanitizers: "address,undefined" or "thread".
set(FANION_SANITIZE "" CACHE STRING "sanitizers to compile under: address,undefined or thread")

if(FANION_SANITIZE)
  add_compile_options(-fsanitize=${FANION_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FANION_SANITIZE})
endif()
