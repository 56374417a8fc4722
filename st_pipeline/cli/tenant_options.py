"""Arguments and options that several ``st-pipeline tenants`` commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Key = Annotated[str, typer.Argument(metavar="KEY", help="The tenant's key.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
ClientSecretFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="File with the client secret; - reads standard input.")
]
AppKeyFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="File with an app key of the tenant's own, instead of SERVICETITAN_APP_KEY."),
]
Name = Annotated[str | None, typer.Option(help="The company's name.")]
CompanyCode = Annotated[str | None, typer.Option(help="What the legacy tables call the tenant, like SM000250.")]
Trade = Annotated[str | None, typer.Option(help="The trade's long name, like Plumbing.")]
Timezone = Annotated[str | None, typer.Option(help="IANA zone that reports show times in, like America/New_York.")]
Cadence = Annotated[
    str | None,
    typer.Option(
        help="nightly, weekly fri 03:00, monthly last, every 6h, a cron expression or paused; and in which hours, like "
        "nightly between 01:00 and 05:00."
    ),
]
