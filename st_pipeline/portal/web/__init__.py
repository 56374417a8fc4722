"""HTTP around the pages: requests, permissions, cookies, headers, forms, errors, templates."""
