#!/bin/sh
# An aarch64 Python with this project's TFLite runtime on an x86-64 Debian, emulated, in a folder of its own:
# arm_environment.sh FOLDER CONSTRAINTS. Nothing outside the folder changes, and nothing runs as root.
# For parity; it takes 0.6 to 5 s a frame, so its times say nothing about a phone.
set -eu
folder=$1 constraints=$2
PYTHON=${PYTHON:-python3}
for tool in apt-get dpkg-deb "$PYTHON"; do
    command -v $tool >/dev/null || { echo "$tool is missing: this needs Debian 12 or later, and Python with pip" >&2; exit 1; }
done
if [ -x "$folder/python" ]; then echo "$folder is there already"; exit 0; fi
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/debs" "$folder/root" "$folder/qemu"
folder=$(cd "$folder" && pwd)

# qemu 7.2 of Debian 12 itself crashes on the runtime: take the backports'
key=/usr/share/keyrings/debian-archive-keyring.gpg
cat > "$folder/apt/sources.list" <<SOURCES
deb [arch=amd64 signed-by=$key] http://deb.debian.org/debian bookworm-backports main
deb [arch=arm64 signed-by=$key] http://deb.debian.org/debian bookworm main
SOURCES
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$folder/apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt" -o APT::Sandbox::User=root \
        -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 "$@"
}
apt update
(cd "$folder/debs" && apt download qemu-user:amd64 $(for p in libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 \
    python3.11-minimal libpython3.11-minimal libpython3.11-stdlib; do echo $p:arm64; done))
for deb in "$folder"/debs/*_amd64.deb; do dpkg-deb -x "$deb" "$folder/qemu"; done
for deb in "$folder"/debs/*_arm64.deb; do dpkg-deb -x "$deb" "$folder/root"; done

wheels="numpy ai-edge-litert flatbuffers protobuf typing_extensions tqdm backports.strenum"
pinned=$(for w in $wheels; do grep -i "^$w==" "$constraints" | sed 's/[ ;].*//' | grep . || echo $w; done)
"$PYTHON" -m pip install -q --disable-pip-version-check --target "$folder/site" --no-deps --only-binary=:all: \
    --python-version 3.11 --implementation cp --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux2014_aarch64 $pinned
rm -rf "$folder/apt" "$folder/debs"
cat > "$folder/python" <<RUN
#!/bin/sh
PYTHONHOME=$folder/root/usr PYTHONPATH=$folder/site exec $folder/qemu/usr/bin/qemu-aarch64 \\
    -L $folder/root $folder/root/usr/bin/python3.11 "\$@"
RUN
chmod +x "$folder/python"
"$folder/python" -c "import platform, numpy, ai_edge_litert.interpreter; print('ready:', platform.machine())" ||
    { rm "$folder/python"; exit 1; }
