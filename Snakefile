# The front door: snakemake --cores all. The workflow itself is workflow/Snakefile, where `module` and snakedeploy look.
include: "workflow/Snakefile"


# an included file keeps no default target of its own
rule default:
    default_target: True
    input:
        rules.all.input,
    localrule: True
