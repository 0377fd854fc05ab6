#pragma once

namespace fanion::experiments {

/// From now on SIGINT and SIGTERM only set a flag, so that a training can save first. A second SIGINT ends at once.
void catch_interrupts();
bool interrupted();

}  // namespace fanion::experiments
