-- purpose: index-free tables of members with evo's columns, for the hand-written refresh
create schema bench;
create table bench.evo_members (like core.evo_members including defaults including generated);
create table bench.evo_member_memberships (like core.evo_member_memberships including defaults including generated);
create table bench.evo_member_contacts (like core.evo_member_contacts including defaults including generated);
