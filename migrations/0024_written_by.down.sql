alter table evo.batches drop column written_by;
