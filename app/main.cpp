#include <c10/util/Exception.h>
#include <unistd.h>

#include <iostream>

#include "commands/command.h"
#include "fanion/version.h"

namespace {

const std::string kHelp = " (fanion --help lists what there is)";

/// An error as one line on standard error; on a terminal it takes the place of a progress line.
int fail(const std::string& message) {
  std::cerr << (isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "") << "fanion: " << message.substr(0, message.find('\n'))
            << '\n';
  return 1;
}

}  // namespace

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
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& e) {
    const auto unknown = app.remaining(/*recurse=*/true);
    return fail((unknown.empty() ? e.what() : "unknown command '" + unknown.front() + "'") + kHelp) + 1;
  } catch (const CLI::ParseError& e) {
    return e.get_exit_code() == 0 ? app.exit(e) : fail(e.what() + kHelp) + 1;
  } catch (const fanion::commands::Exit& e) {
    return e.status;
  } catch (const c10::Error& e) {
    return fail(e.what_without_backtrace());
  } catch (const std::exception& e) {
    return fail(e.what());
  }
  return 0;
}
