# The front door: snakemake --cores all. The workflow itself is workflow/Snakefile, where `module` and snakedeploy look.
include: "workflow/Snakefile"
