"""Arguments and options that several ``st-pipeline tenants`` commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Key = Annotated[str, typer.Argument(metavar="KEY", help="The tenant's key.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ClientSecretFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="File with the client secret; - for standard input.")
]
AppKeyFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="File with the tenant's own app key, to use instead of SERVICETITAN_APP_KEY."),
]
Name = Annotated[str | None, typer.Option(help="The company's name.")]
CompanyCode = Annotated[str | None, typer.Option(help="The tenant's name in the legacy tables, like SM000250.")]
Trade = Annotated[str | None, typer.Option(help="The trade, like Plumbing.")]
Timezone = Annotated[str | None, typer.Option(help="Time zone of schedules and reports, like America/Chicago.")]
Cadence = Annotated[
    str | None,
    typer.Option(
        help="nightly, weekly fri 03:00, monthly last, every 6h, a cron expression or paused. To limit the hours, add "
        "them: nightly between 01:00 and 05:00."
    ),
]
NewEnvironment = Annotated[str | None, typer.Option(help="Correct the environment; only before the first connection.")]
NewTenantId = Annotated[int | None, typer.Option(help="Correct the tenant ID; only before the first connection.")]
CredentialFile = Annotated[
    str | None,
    typer.Argument(metavar="[FILE]", help="JSON credential file of servicepytan or Titanpy; - for standard input."),
]
SharedAppKey = Annotated[
    bool, typer.Option("--shared-app-key", help="Delete the tenant's own app key and use SERVICETITAN_APP_KEY.")
]
AllSecrets = Annotated[bool, typer.Option("--vault", help="Re-encrypt all tenants' credentials with the newest key.")]
