drop table evo.definitions;
