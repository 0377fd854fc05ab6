#pragma once

#include <string>

namespace fanion::terminal {

/// One line on standard error, "fanion: …"; on a terminal it takes the place of a progress line.
void note(const std::string& message);

}  // namespace fanion::terminal
