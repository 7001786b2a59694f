# The front door: snakemake --cores all
# fetch -> describe, train -> study -> figure, table -> report; one file a stage in workflow/rules.
from snakemake.utils import min_version

min_version("9.20")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/paper.smk"


report: f"{PAPER}/landing.rst"


localrules:
    all,
    fig1,


rule all:
    default_target: True
    input:
        CELL_FILES,
        FIGURE_FILES,
        PAGES,
        f"{PAPER}/published.csv",


rule fig1:
    input:
        f"{PAPER}/figures/figure1/figure1.png",


onsuccess:
    # a run that changed nothing leaves the report alone
    if newer(f"{PAPER}/landing.rst", f"{RESULTS}/report.html"):
        shell("pdebridge report --settings {settings_json:q}")


onerror:
    print(f"The first lines to read are in the job's own log under {RESULTS}/logs.")
    print(
        "A killed run: snakemake --unlock, then the same command; finished trainings are kept."
    )
