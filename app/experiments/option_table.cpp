#include "experiments/option_table.h"

#include <c10/util/Exception.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/json_text.h"

namespace fanion::experiments {
namespace {

template <class Value>
Value value_from(const nlohmann::json& json) {
  // Of what is no integer of 64 bits, a conversion would make some integer.
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if constexpr (std::is_same_v<Value, int64_t>)
    if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<uint64_t>() > kLargest))
      throw std::invalid_argument("no integer of 64 bits");
  return json.get<Value>();
}

}  // namespace

nlohmann::json to_json(const OptionTable& options) {
  auto json = nlohmann::json::object();
  for (const auto& option : options)
    std::visit(
        [&, &name = option.name](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Choice>)
            json[name] = value.name();
          else
            json[name] = *value;
        },
        option.value);
  return json;
}

void update_from_json(const OptionTable& options, const nlohmann::json& json, const std::string& source) {
  TORCH_CHECK_VALUE(json.is_object(), source, ": expected a JSON object of options");
  std::string known;
  std::vector<std::function<void()>> writes;
  nlohmann::json rest = json;
  for (const auto& option : options) {
    const auto& name = option.name;
    known.append(known.empty() ? "" : ", ").append(name);
    const auto& key = json.contains(name) ? name : option.former;
    if (!json.contains(key)) continue;
    try {
      std::visit(
          [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Choice>)
              writes.push_back(value.choose(json[key].template get<std::string>()));
            else
              writes.emplace_back([value, read = value_from<std::remove_pointer_t<std::decay_t<decltype(value)>>>(
                                              json[key])] { *value = read; });
          },
          option.value);
    } catch (c10::Error& e) {
      e.add_context(source);
      throw;
    } catch (const std::exception&) {
      TORCH_CHECK_VALUE(false, source, ": option '", key, "' has the wrong type: ", data::shown(json[key]));
    }
    rest.erase(key);
  }
  TORCH_CHECK_VALUE(rest.empty(), source, ": unknown option '", rest.begin().key(), "'; known: ", known);
  for (const auto& write : writes) write();
}

}  // namespace fanion::experiments
