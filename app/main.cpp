#include <c10/util/Exception.h>

#include <csignal>
#include <iostream>

#include "commands/command.h"
#include "fanion/version.h"
#include "terminal/note.h"
#include "terminal/usage_error.h"

namespace {

int fail(const std::string& message) {
  fanion::terminal::note(message);
  return 1;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): where there is no memory to say why, it ends
int main(int argc, char** argv) {
  CLI::App app("fanion: training with matrix-norm optimizers, and what makes it fast");
  app.set_version_flag("--version", fanion::kVersion);
  app.require_subcommand(1);
  fanion::commands::add_train(app);
  fanion::commands::add_compare(app);
  fanion::commands::add_sample(app);
  fanion::commands::add_plot(app);
  fanion::commands::add_rules(app);
  fanion::commands::add_svd(app);
  fanion::commands::add_balls(app);
  fanion::commands::add_theory(app);
  fanion::commands::add_estimate(app);
  fanion::commands::add_data(app);
  fanion::commands::add_sweep(app);
  fanion::commands::add_tune(app);
  fanion::commands::add_reproduce(app);
  fanion::commands::add_export(app);
  fanion::commands::add_scaling(app);
  // A write beyond the largest file allowed (ulimit -f) then fails with a reason instead of ending the program.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return e.get_exit_code() == 0 ? app.exit(e) : fail(fanion::terminal::usage_error(app, e)) + 1;
  } catch (const fanion::commands::Exit& e) {
    return e.status;
  } catch (const c10::Error& e) {
    return fail(e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
  std::cout.flush();
  return std::cout.good() ? 0 : fail("could not write to standard output");
}
