-- purpose: create the row of a credential
-- parameters: $1 credential text
-- rows: none
-- locks: none that anyone waits for
-- idempotent: yes
insert into evo.pace (credential) values ($1) on conflict do nothing
