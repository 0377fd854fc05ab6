#include "reproduce/spectrum.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/cells.h"
#include "experiments/gpt/gpt_experiment.h"
#include "reproduce/figure.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

double energy(const std::vector<double>& S, std::size_t k) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(k, S.size()); ++i) sum += S[i] * S[i];
  return sum;
}

double share(const std::vector<double>& S, std::size_t k) { return energy(S, k) / energy(S, S.size()); }
double stable_rank(const std::vector<double>& S) { return 1 / share(S, 1); }

/// "blocks.0.mlp.up" → "mlp.up"
std::string kind_of(const std::string& matrix) {
  const auto dot = matrix.find('.', matrix.find('.') + 1);
  return matrix.substr(dot + 1);
}

struct Mean {
  double sum = 0;
  int64_t count = 0;
  void add(double x) {
    sum += x;
    ++count;
  }
  double value() const { return sum / static_cast<double>(count); }
};

/// Means by key of a curve and step, as curves.
std::vector<Curve> curves_of(const std::map<std::string, std::map<int64_t, Mean>>& means) {
  std::vector<Curve> curves;
  for (const auto& [label, by_step] : means) {
    Curve curve{label, {}, {}};
    for (const auto& [step, mean] : by_step) {
      curve.x.push_back(static_cast<double>(step));
      curve.y.push_back(mean.value());
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace

void spectrum(const Request& request) {
  auto experiment = std::make_shared<experiments::gpt::GptExperiment>();
  if (request.quick) {
    experiment->gpt.layers = 2;
    experiment->gpt.width = 64;
    experiment->run.threads = 1;  // so small a model gains nothing from more
  }
  experiment->run.steps = request.quick ? 100 : 500;
  experiment->run.record = request.quick ? "spectra@20" : "spectra@25";
  experiment->run.device = request.device;
  experiment->resolve();
  experiment->check();
  const auto result = experiments::run_cells(request.out / "runs", {{"Muon", "muon", experiment}}, {}).front();

  std::map<std::string, std::map<int64_t, Mean>> rank, shares;
  std::map<std::string, std::vector<double>> last;  // σ_i/σ_1 of the last look, means over blocks
  std::map<std::string, int64_t> blocks;
  int64_t last_step = 0;
  const auto seen = record::RunFolder::open(result.folder).observations();
  for (const auto& line : seen) last_step = std::max(last_step, line.at("step").get<int64_t>());
  for (const auto& line : seen) {
    const auto step = line.at("step").get<int64_t>();
    const auto kind = kind_of(line.at("matrix"));
    for (const auto& [of, list] : line.at("seen").items()) {
      const auto S = list.get<std::vector<double>>();
      if (S.front() <= 0) continue;  // a matrix behind one that is still zero has no gradient
      if (of == "momentum") rank[kind][step].add(stable_rank(S));
      for (const std::size_t k : {1, 8, 32}) shares[c10::str(of, ", k = ", k)][step].add(share(S, k));
      if (step != last_step || of != "momentum") continue;
      auto& mean = last[kind];
      mean.resize(S.size(), 0);
      for (std::size_t i = 0; i < S.size(); ++i) mean[i] += S[i] / S.front();
      ++blocks[kind];
    }
  }
  Panel spectra{"i / min(m, n)", "singular value of the momentum over the largest", false, true, {}};
  for (const auto& [kind, sums] : last) {
    Curve curve{kind, {}, {}};
    for (std::size_t i = 0; i < sums.size(); ++i) {
      curve.x.push_back(static_cast<double>(i + 1) / static_cast<double>(sums.size()));
      curve.y.push_back(sums[i] / static_cast<double>(blocks[kind]));
    }
    spectra.curves.push_back(std::move(curve));
  }
  draw({"Spectra during GPT training, means over the blocks",
        {spectra,
         {"steps", "stable rank of the momentum", false, true, curves_of(rank)},
         {"steps", "share of the squared Frobenius norm in k triplets", false, false, curves_of(shares)}}},
       request.out / "spectrum.png");

  Record record{"spectrum",
                c10::str("The demo's GPT with ", experiment->gpt.layers, " layers of width ", experiment->gpt.width,
                         ", Muon, ", experiment->run.steps, " steps; looks by ", experiment->run.record, "."),
                "1 seed; means over the blocks at the last look",
                {},
                {},
                {"spectrum.png"}};
  record.table = {{"matrix", "stable rank of the momentum", "sigma_8 / sigma_1", "sigma_32 / sigma_1"}};
  for (const auto& [kind, sums] : last) {
    // Clang before 16 cannot capture structured bindings.
    const auto at = [&sums = sums, count = static_cast<double>(blocks[kind])](std::size_t i) {
      return i < sums.size() ? terminal::significant(sums[i] / count, 3) : "-";
    };
    record.table.push_back({kind, terminal::significant(rank[kind][last_step].value(), 3), at(7), at(31)});
  }
  const double momentum = shares["momentum, k = 8"][last_step].value();
  const double gradient = shares["gradient, k = 8"][last_step].value();
  record.findings = {{"8 triplets hold more than half of a momentum and of a gradient",
                      std::min(momentum, gradient) > 0.5,
                      terminal::significant(momentum, 3) + ", " + terminal::significant(gradient, 3)}};
  write_record(request, record);
}

}  // namespace fanion::reproduce
