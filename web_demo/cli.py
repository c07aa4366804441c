"""`poseport web`."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import click

from poseport.command.options import MODEL, PATH, answer, guarded, output_options


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--out", type=PATH, help="Folder for the page. It may hold an earlier page, which is replaced.")
@click.option("--serve", is_flag=True, help="Serve the page on this machine until Ctrl-C.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port of --serve.")
@output_options
@guarded
def web(model: Path | None, out: Path | None, serve: bool, port: int, quiet: bool, as_json: bool) -> None:
    """Write a static page that runs MODEL in a browser, on the camera or a photo, with WebGPU or WebAssembly. Nothing
    is loaded from elsewhere and no picture leaves the device. npm downloads LiteRT.js once, into the user's cache.

    A file must take and give float32: recipes float32, float16, dynamic and those that end in -floatio. With the
    `convert` extra installed, a decoder is added to a file that lacks one (`convert --head keypoints`).

    --serve without MODEL serves the page in --out. A phone on a cable opens it after `adb reverse`.

    Example: poseport web tiny-float32 --out site --serve
    """
    from poseport.web import server as servers
    from poseport.web import site

    if model is None and not (serve and out):
        raise ValueError("no MODEL was given; name a .tflite file, or give --serve and the --out of an earlier page")
    if out is None and not serve:
        raise ValueError("--out is missing; name a folder for the page, or give --serve to try it without one")
    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if model is not None:
            about = site.write(model, folder)
            added = "; the decoder of --head keypoints was added to the file" if about["decoder_added"] else ""
            said = f"{folder}: the page for {about['spec']['name']} ({about['recipe']}){added}"
            answer({"folder": str(folder), **about}, said, as_json=as_json, quiet=quiet)
        elif not site.is_page(folder):
            raise ValueError(f"{folder}: holds no page; write one with poseport web MODEL --out {folder}")
        if serve:
            with servers.server(folder, port) as server, contextlib.suppress(KeyboardInterrupt):
                if not as_json:
                    click.echo(f"http://localhost:{server.server_port}/ (Ctrl-C ends it)", err=True)
                server.serve_forever()
