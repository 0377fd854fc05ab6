#include <c10/util/Exception.h>

#include "commands/command.h"
#include "record/python_module.h"

namespace fanion::commands {
namespace {

/// Runs the package's Python side, which says itself what it made or what is wrong.
void run_cifar10(const std::vector<std::string>& arguments) {
  constexpr int kTold = 2;
  const int status = record::run_installed_module("fanion._cifar10", arguments);
  if (status == kTold) throw Exit(1);
  TORCH_CHECK(status == 0, "no data were made: '", record::python(),
              " -m fanion._cifar10' failed; set FANION_PYTHON to a Python with fanion");
}

}  // namespace

void add_data(CLI::App& app) {
  struct Paths {
    std::string source, out = "cifar10";
  };
  auto* data = app.add_subcommand("data", "make folders of data for the experiments");
  data->require_subcommand(1);

  auto* prepare = data->add_subcommand("prepare", "from files on this machine");
  prepare->require_subcommand(1);
  auto* prepared = prepare->add_subcommand("cifar10", "the official binary files of CIFAR-10");
  auto from = std::make_shared<Paths>();
  prepared
      ->add_option("source", from->source,
                   "folder or tar of train/CLASS/NAME.jpg and test/CLASS/NAME.jpg, or of "
                   "the official binary files")
      ->required();
  prepared->add_option("--out", from->out, "folder to make")->capture_default_str();
  prepared->callback([from] { run_cifar10({"prepare", from->source, from->out}); });

  auto* download = data->add_subcommand("download", "from where they are published, with checksums");
  download->require_subcommand(1);
  auto* downloaded = download->add_subcommand("cifar10", "CIFAR-10, 162 MB, from cs.toronto.edu");
  auto to = std::make_shared<Paths>();
  downloaded->add_option("--out", to->out, "folder to make")->capture_default_str();
  downloaded->callback([to] { run_cifar10({"download", to->out}); });
}

}  // namespace fanion::commands
