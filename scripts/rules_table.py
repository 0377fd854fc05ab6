"""The table rule × option of docs/optimizers.md, from the registry and the classes: `python scripts/rules_table.py`."""

from pathlib import Path

import fanion

PAGE = Path(__file__).parents[1] / "docs" / "optimizers.md"
BEGIN, END = "<!-- made by scripts/rules_table.py -->\n", "<!-- end of what it made -->\n"
# Options that come together have one column.
_TOGETHER = {
    "svd": "`svd`, `passes`, `oversample`",
    "polar": "`polar`, `ns_…`, `eps`",
    "scale": "`eta` or `scale`",
    "k": "`k` or `rank_fraction`",
}
_REST = ("oversample", "ns_coefficients", "ns_form", "ns_norm", "ns_dtype", "eps", "rank_fraction")


def options_of(keys: str) -> dict[str, str]:
    """The registry's "k, alpha=0.5, svd=auto|dense" as a cell for each column: "needed", a default, or yes."""
    cells: dict[str, str] = {}
    for key in keys.split(", ") if keys else ():
        name, _, value = key.partition("=")
        if name in _REST:
            continue
        if name in ("passes", "ns_steps"):  # of rules that have no other of their column
            cells.setdefault(_TOGETHER["svd" if name == "passes" else "polar"], f"`{name}`")
        elif name == "k":
            cells[_TOGETHER[name]] = value or "needed"
        elif name in _TOGETHER:
            cells[_TOGETHER[name]] = "yes"
        else:
            cells[f"`{name}`"] = value.replace("|", " or ") or "needed"
    return cells


def classes() -> dict[str, list[str]]:
    """Names of the classes by their rule."""
    found: dict[str, list[str]] = {}
    for name in fanion.__all__:
        rule = getattr(getattr(fanion, name), "_rule", None)
        if rule is not None:
            found.setdefault(rule, []).append(f"`{name}`")
    return found


def table() -> str:
    """In Markdown, a row for each rule of the registry."""
    rows = [(info, options_of(info.keys)) for info in fanion.norms.rules()]
    columns = list(dict.fromkeys(column for _, cells in rows for column in cells))
    of_rule = classes()
    lines = [["rule", "class", "a norm's", *columns], ["---"] * (len(columns) + 3)]
    for info, cells in rows:
        own = [", ".join(of_rule.get(info.name, [])), "yes" if info.is_norm else "no"]
        lines.append([f"`{info.name}`", *own, *(cells.get(column, "") for column in columns)])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def page(text: str) -> str:
    """`text` with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
