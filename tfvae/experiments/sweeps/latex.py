"""Tables of LaTeX, for the package booktabs, that any engine takes."""

from collections.abc import Sequence

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    # pdfLaTeX knows none of these.
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "‖": r"$\|$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "²": r"$^2$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
    "–": "--",
}
_TABLE = str.maketrans(_ESCAPES)


def escaped(text: str) -> str:
    r"""Returns a text as LaTeX shows it; control characters become spaces.

    Example:
        >>> from tfvae.experiments.sweeps import latex
        >>> print(latex.escaped("50% of a_b, λ"))
        50\% of a\_b, $\lambda$
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain.translate(_TABLE)


def number(text: str) -> str:
    """Returns a cell: "-1.2 ± 0.3" becomes mathematics, so that the minus is one."""
    value, _, error = text.partition(" ± ")
    try:
        float(value)
        float(error or 0)
    except ValueError:
        return escaped(text)
    return f"${value} \\pm {error}$" if error else f"${value}$"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, left: int) -> str:
    r"""Returns a table with rules, its caption above; `\usepackage{booktabs}` is needed.

    Args:
        head: names of the columns. Mathematics, $n$, is kept.
        rows: cells, as many in a row as in the head.
        caption: what stands above the table.
        left: number of columns at the left with words; the others are flush right.
    """
    columns = "l" * left + "r" * (len(head) - left)
    names = [name if name == "$n$" else escaped(name) for name in head]
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(caption)}}}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        f"    {' & '.join(names)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(map(number, row))} \\\\" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"
