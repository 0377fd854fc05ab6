#pragma once

namespace fanion::experiments {

/// From now on SIGINT and SIGTERM only set a flag, so that a training can save first. A second one ends the program at
/// once; so does the first where the flag is not looked at within four times the longest wait between two looks so far
/// (5 seconds at least): what hangs, or takes minutes a step, does not outlive it. The last checkpoint stands then.
void catch_interrupts();

/// Whether one came; to be asked after every step.
bool interrupted();

}  // namespace fanion::experiments
