#include "terminal/note.h"

#include <unistd.h>

#include <iostream>

namespace fanion::terminal {

void note(const std::string& message) {
  std::cerr << (isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "") << "fanion: " << message.substr(0, message.find('\n'))
            << '\n';
}

}  // namespace fanion::terminal
