#include <c10/util/Exception.h>

#include "commands/command.h"
#include "record/python_module.h"

namespace fanion::commands {
namespace {

/// Runs the package's Python side, which says itself what it made or what is wrong.
void run_preparation(const std::string& module, const std::vector<std::string>& arguments) {
  constexpr int kTold = 2;
  const int status = record::run_installed_module(module, arguments);
  if (status == kTold) throw Exit(1);
  TORCH_CHECK(status == 0, "no data were made: '", record::python(), " -m ", module,
              "' failed; set FANION_PYTHON to a Python with fanion");
}

void run_cifar10(const std::vector<std::string>& arguments) { run_preparation("fanion._cifar10", arguments); }

void add_text(CLI::App& prepare) {
  struct Options {
    std::vector<std::string> files;
    std::string tokenizer = "bytes", bpe, encoding = "utf-8", out = "text";
    double validation = 0.1;
    int64_t shard = 100'000'000;
  };
  auto o = std::make_shared<Options>();
  auto* text = prepare.add_subcommand("text", "a folder of texts for the GPT: token shards, or bytes");
  text->add_option("files", o->files, "text files")->required();
  text->add_option("--tokenizer", o->tokenizer,
                   "bytes; gpt2, which needs the Python package tokenizers; or a file tokenizer.json")
      ->capture_default_str();
  text->add_option("--bpe", o->bpe,
                   "folder with GPT-2's encoder.json and vocab.bpe (or vocab.json and merges.txt); without it they are "
                   "fetched from the Hugging Face hub");
  text->add_option("--encoding", o->encoding, "of the files, where they are tokenized")->capture_default_str();
  text->add_option("--validation", o->validation, "fraction of each file, its end, for validation")
      ->capture_default_str();
  text->add_option("--shard", o->shard, "most tokens in a training shard")->capture_default_str();
  text->add_option("--out", o->out, "folder to make")->capture_default_str();
  text->callback([o] {
    auto arguments = o->files;
    for (const auto& [name, value] : {std::pair("--tokenizer", o->tokenizer),
                                      {"--encoding", o->encoding},
                                      {"--validation", c10::str(o->validation)},
                                      {"--shard", std::to_string(o->shard)},
                                      {"--out", o->out}})
      arguments.push_back(c10::str(name, "=", value));
    if (!o->bpe.empty()) arguments.push_back("--bpe=" + o->bpe);
    run_preparation("fanion._text", arguments);
  });
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

  add_text(*prepare);

  auto* download = data->add_subcommand("download", "from where they are published, with checksums");
  download->require_subcommand(1);
  auto* downloaded = download->add_subcommand("cifar10", "CIFAR-10, 162 MB, from cs.toronto.edu");
  auto to = std::make_shared<Paths>();
  downloaded->add_option("--out", to->out, "folder to make")->capture_default_str();
  downloaded->callback([to] { run_cifar10({"download", to->out}); });
}

}  // namespace fanion::commands
