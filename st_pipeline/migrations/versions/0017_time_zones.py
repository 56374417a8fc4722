"""Whether the server knows a time zone, and one name for each zone that has several."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_RENAMED = {
    "US/Eastern": "America/New_York", "EST5EDT": "America/New_York", "US/Michigan": "America/Detroit",
    "US/East-Indiana": "America/Indiana/Indianapolis", "US/Indiana-Starke": "America/Indiana/Knox",
    "US/Central": "America/Chicago", "CST6CDT": "America/Chicago", "US/Mountain": "America/Denver",
    "MST7MDT": "America/Denver", "Navajo": "America/Denver", "US/Arizona": "America/Phoenix",
    "US/Pacific": "America/Los_Angeles", "PST8PDT": "America/Los_Angeles", "US/Alaska": "America/Anchorage",
    "US/Aleutian": "America/Adak", "US/Hawaii": "Pacific/Honolulu", "US/Samoa": "Pacific/Pago_Pago",
    "Canada/Atlantic": "America/Halifax", "Canada/Central": "America/Winnipeg", "Canada/Eastern": "America/Toronto",
    "Canada/Mountain": "America/Edmonton", "Canada/Newfoundland": "America/St_Johns",
    "Canada/Pacific": "America/Vancouver", "Canada/Saskatchewan": "America/Regina",
    "Canada/Yukon": "America/Whitehorse",
}  # fmt: skip


def upgrade() -> None:
    op.execute("""
        create function control.knows_zone(zone text) returns boolean stable language plpgsql as $$
        begin
            perform now() at time zone zone;
            return true;
        exception when invalid_parameter_value then
            return false;
        end $$
    """)
    values = ", ".join(f"('{old}', '{new}')" for old, new in _RENAMED.items())
    op.execute(f"""
        update control.tenants set timezone = renamed.new
        from (values {values}) as renamed (old, new)
        where timezone = renamed.old and control.knows_zone(renamed.new)
    """)  # noqa: S608
