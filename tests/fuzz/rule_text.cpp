#include "fanion/norms/registry.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

void read_rule_text(std::string_view input) {
  const auto name = norms::rule_from_name(input)->name();
  const auto again = norms::rule_from_name(name)->name();
  TORCH_CHECK(again == name, "'", name, "' reads as '", again, "'");
}

}  // namespace

Target rule_text() {
  std::vector<std::string> seeds = {"fanion:k=4,svd=subspace,passes=3,oversample=9223372036854775807",
                                    "muon:ns_steps=2,ns_coefficients=3/-4/2/1.5/-0.5/0,eps=1e-7",
                                    "muon:ns_coefficients=0/0/0",
                                    "0.3*nuclear + 0.7*max_entry",
                                    "1e300*frobenius",
                                    "-0.5*muon + 2*0.5*neon",
                                    "schatten:p=inf",
                                    "d-fanion:k=3,residual=clip"};
  std::vector<std::string> words = {"svd=",
                                    "passes=",
                                    "oversample=",
                                    "k=",
                                    "alpha=",
                                    "ns_steps=",
                                    "ns_form=gram",
                                    "ns_dtype=bfloat16",
                                    "polar=exact",
                                    " + ",
                                    "*",
                                    ":",
                                    ",",
                                    "=",
                                    "@",
                                    "1e300",
                                    "inf",
                                    "nan",
                                    "-1",
                                    "9223372036854775807"};
  for (const auto& rule : norms::known_rules()) {
    words.push_back(rule.name);
    seeds.push_back(rule.keys.find("k,") == 0 || rule.keys == "k" ? rule.name + ":k=2" : rule.name);
  }
  return {"rule_text", seeds, words, read_rule_text};
}

}  // namespace fanion::fuzz
