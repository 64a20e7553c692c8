-- purpose: find out whether the role may create temporary tables, as a load and a transform do
-- rows: one: whether it may, the role, the database, both as SQL writes them
-- locks: none
-- idempotent: reads only
select
    has_database_privilege(current_database(), 'temporary'), quote_ident(current_user), quote_ident(current_database())
