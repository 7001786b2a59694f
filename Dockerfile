# The workflow and everything it needs, in one image:
#   docker build -t pdebridge .
#   docker run --rm -v "$PWD/results:/pdebridge/results" pdebridge                      # snakemake --cores all
#   docker run --rm --gpus all -v ... pdebridge snakemake --cores all --config scale=cluster
# pip takes torch's CUDA build on Linux. Another build: --build-arg TORCH_INDEX=URL, an index that pytorch.org names.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

ARG TORCH_INDEX=""
ARG EXTRAS="slurm,kubernetes"
# git: run directories record the commit; its version decides no number
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 pde

WORKDIR /pdebridge
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN if [ -n "${TORCH_INDEX}" ]; then pip install --no-cache-dir --constraint constraints.txt --index-url "${TORCH_INDEX}" torch; fi \
    && pip install --no-cache-dir --constraint constraints.txt --editable ".[${EXTRAS}]"

COPY Snakefile environment.yml ./
COPY config ./config
COPY profiles ./profiles
COPY workflow ./workflow
COPY results/reference ./results/reference
RUN chown --recursive pde:pde /pdebridge
USER 1000

# what run directories record, since the image holds no repository: --build-arg COMMIT="$(git rev-parse HEAD)"
ARG COMMIT=""
ENV WANDB_MODE=offline PYTHONUNBUFFERED=1 PDEBRIDGE_COMMIT=${COMMIT}
CMD ["snakemake", "--cores", "all"]
