-- purpose: keys and indexes of members by hand, session 2 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_member_memberships add primary key (member_id, member_membership_id);
create index on bench.evo_member_memberships (member_membership_id);
create index on bench.evo_member_memberships (membership_status);
alter table bench.evo_member_contacts add primary key (member_id, phone_id);
create index on bench.evo_member_contacts (phone_id);
analyze bench.evo_member_memberships;
analyze bench.evo_member_contacts;
