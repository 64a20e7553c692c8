-- purpose: read the name and the encoding of the database
-- rows: one: the database as SQL writes it, its encoding
-- locks: none
-- idempotent: reads only
select quote_ident(current_database()), pg_encoding_to_char(encoding)
from pg_database
where datname = current_database()
