-- purpose: undo 0004; core can be filled again from staging with `evo transform all --full-refresh`
drop table core.evo_entries, core.evo_receivables, core.evo_sale_items, core.evo_sales, core.evo_prospects, core.evo_member_contacts, core.evo_member_memberships, core.evo_members;
