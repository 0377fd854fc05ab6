#include <iostream>

#include "commands/command.h"
#include "fanion/norms/registry.h"
#include "fanion/theory/step_sizes.h"
#include "tasks/theory_check.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

using terminal::significant;

struct TheoryCommand {
  explicit TheoryCommand(CLI::App& command) {
    command.add_option("--norm", norms, "of the steps (fanion rules lists them); with --check several (default: all)");
    command.add_option("--shape", shape, "M,N: rows and columns of the matrix (with --check default: 12,8)")
        ->delimiter(',')
        ->expected(2);
    given_ = {command.add_option("--eps", problem.eps, "the dual norm of the gradient that is wanted"),
              command.add_option("--L", problem.L, "smoothness: the gradient's Lipschitz constant in the norm"),
              command.add_option("--delta0", problem.delta0, "f(X1) - inf f")};
    only_without_check_ = given_;
    only_without_check_.push_back(
        rho = command.add_option("--rho", problem.rho, "dual norm <= rho Frobenius norm (default: the norm's)"));
    only_without_check_.push_back(
        command.add_option("--sigma", problem.sigma, "deviation of the stochastic gradient (default: 0)"));
    auto* check_flag = command.add_flag(
        "--check", check, "run Lemma 7's schedule on least squares with noise instead: by how much is it loose?");
    for (auto* option : {command.add_option("--accuracy", trial.accuracy, "eps over the first gradient's dual norm"),
                         command.add_option("--noise", trial.noise, "rho sigma over eps"),
                         command.add_option("--seeds", trial.seeds, "trials, whose average counts"),
                         command.add_option("--seed", trial.seed, "of the problem and the noise")})
      option->capture_default_str()->needs(check_flag);
  }

  void run() {
    if (check) return run_check();
    for (const auto* option : given_)
      TORCH_CHECK_VALUE(option->count() > 0, option->get_name(), " is required (or --check)");
    TORCH_CHECK_VALUE(norms.size() <= 1, "--norm takes one norm, got ", norms.size());
    TORCH_CHECK_VALUE(rho->count() == 0 || (norms.empty() && shape.empty()),
                      "--rho cannot be given with --norm or --shape: a norm on matrices of a shape has its own rho");
    if (rho->count() == 0) {
      TORCH_CHECK_VALUE(norms.size() == 1 && shape.size() == 2,
                        "rho is needed: give --rho, or --norm and --shape M,N, which have one");
      TORCH_CHECK_VALUE(shape[0] >= 1 && shape[1] >= 1, "--shape ", shape[0], ",", shape[1],
                        " must be two positive sizes");
      const auto norm = norms::norm_from_name(norms[0]);
      problem.rho = norm->rho(shape[0], shape[1]);
      std::cout << norms[0] << " on " << shape[0] << " x " << shape[1] << ": rho = " << significant(problem.rho, 6)
                << "\n\n";
    }
    if (problem.sigma == 0) {
      print("Lemma 6: exact gradients", problem, theory::deterministic_step_sizes(problem));
      return;
    }
    print("Lemma 7: stochastic gradients", problem, theory::stochastic_step_sizes(problem));
  }

  static void print(const std::string& title, const theory::ProblemConstants& p, const theory::StepSizes& s) {
    std::vector<std::vector<std::string>> rows = {{"term", "of", "value", "taken"}};
    const auto add = [&](const char* quantity, const std::vector<theory::Term>& terms, bool least) {
      const auto decides = [&](const theory::Term& a) {
        return std::all_of(terms.begin(), terms.end(),
                           [&](const auto& b) { return least ? a.value <= b.value : a.value >= b.value; });
      };
      for (const auto& term : terms)
        rows.push_back({std::string(term.formula), quantity, significant(term.value, 6), decides(term) ? "yes" : ""});
    };
    add("eta", s.eta_terms, true);
    add("alpha", s.alpha_terms, true);
    add("K", s.K_terms, false);
    const auto b = theory::gradient_bound(p, s.eta, s.alpha, s.K);
    std::cout << title << "\n\n"
              << terminal::table(rows) << "\neta = " << significant(s.eta, 6) << "\nalpha = " << significant(s.alpha, 6)
              << " (momentum " << significant(1 - s.alpha, 6) << ")\nK = " << significant(s.K, 15)
              << "\nbound on the mean dual norm of the gradient: progress " << significant(b.progress) << " + drift "
              << significant(b.drift) << " + noise " << significant(b.noise) << " + start " << significant(b.start)
              << " = " << significant(b.total()) << " <= eps\n";
  }

  void run_check() {
    for (const auto* option : only_without_check_)
      TORCH_CHECK_VALUE(option->count() == 0, option->get_name(),
                        " cannot be given here: --check makes its own problem");
    trial.norms = norms;
    if (shape.size() == 2) {
      trial.rows = shape[0];
      trial.columns = shape[1];
    }
    const auto checks = tasks::check_theory(trial, [](const std::string& line) { std::cerr << line << '\n'; });
    std::cout
        << "least squares on " << trial.rows << " x " << trial.columns << ", eps = " << trial.accuracy
        << " |grad F(X1)|_dual, rho sigma = " << trial.noise << " eps, mean of " << trial.seeds << " seeds from "
        << trial.seed + 1 << "\n\n"
        << tasks::table_of(checks)
        << "\nfirst: the first k with |grad F(X_k)|_dual <= eps. mean, least: over k of |grad F(X_k)|_dual. rho used: "
           "of the noise, |N|_dual over rho |N|_F\n";
    for (const auto& c : checks)
      if (!c.holds()) throw Exit(1);
  }

  theory::ProblemConstants problem;
  tasks::TheoryCheckOptions trial;
  std::vector<std::string> norms;
  std::vector<int64_t> shape;
  bool check = false;
  CLI::Option* rho = nullptr;

 private:
  std::vector<CLI::Option*> given_, only_without_check_;
};

}  // namespace

void add_theory(CLI::App& app) {
  auto* theory = app.add_subcommand("theory", "step sizes that a bound proves enough, term by term");
  auto command = std::make_shared<TheoryCommand>(*theory);
  theory->callback([command] { command->run(); });
}

}  // namespace fanion::commands
