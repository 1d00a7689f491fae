BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('schema_4');
CREATE TABLE answers (
	answer_id VARCHAR(36) NOT NULL, 
	node_id INTEGER NOT NULL, 
	survey_id INTEGER NOT NULL, 
	answered_utc DOUBLE NOT NULL, 
	received_utc DOUBLE NOT NULL, 
	via TEXT NOT NULL, 
	face SMALLINT, 
	score SMALLINT, 
	options TEXT, 
	locale VARCHAR(16), 
	text TEXT, 
	verdict VARCHAR(16) NOT NULL, 
	arrival BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (answer_id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id), 
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
INSERT INTO "answers" VALUES('a-1',2,1,1795000000.0,1795000000.0,'qr',2,NULL,NULL,NULL,'Too slow','counted',3);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at_utc DOUBLE NOT NULL, 
	who TEXT NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	details TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,1.79588332217489099508e+09,'root@vm','site.import','{"organisation": "shop", "added": ["organisation", "group hall", "point till", "point ward", "question service", "survey service-2026", "placement new-6 29453760", "placement till-1 29979360", "placement ward-3 29979360"], "changed": [], "ended": []}');
CREATE TABLE cells (
	device_id VARCHAR(32) NOT NULL, 
	span SMALLINT NOT NULL, 
	start_utc_minute BIGINT NOT NULL, 
	node_id INTEGER NOT NULL, 
	survey_id INTEGER NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	n1 BIGINT NOT NULL, 
	n2 BIGINT NOT NULL, 
	n3 BIGINT NOT NULL, 
	n4 BIGINT NOT NULL, 
	folded_1 BIGINT DEFAULT '0' NOT NULL, 
	folded_2 BIGINT DEFAULT '0' NOT NULL, 
	folded_3 BIGINT DEFAULT '0' NOT NULL, 
	folded_4 BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (device_id, span, start_utc_minute, node_id, survey_id, verdict)
)
 WITHOUT ROWID

;
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'chord',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'closed',0,3,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'counted',2,6,7,8,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'mash',76,1,78,15,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'repeat',1,0,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'replaced',1,2,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'stuck',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',0,0,0,0,'test',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'closed',0,2,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'counted',1,4,7,5,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'mash',76,1,65,13,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'repeat',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'replaced',0,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'stuck',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,-1099511627776,0,0,'test',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'counted',1,2,0,3,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'mash',0,0,13,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'repeat',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',1,29916000,0,0,'replaced',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'closed',0,2,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'counted',1,4,7,5,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'mash',76,1,65,13,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'repeat',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'replaced',0,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'stuck',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,-1099511627776,0,0,'test',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916000,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916000,0,0,'counted',1,2,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916000,0,0,'mash',0,0,13,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916000,0,0,'replaced',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916060,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916060,0,0,'counted',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916060,0,0,'mash',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',2,29916060,0,0,'repeat',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'closed',0,2,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'counted',1,4,7,5,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'mash',76,1,65,13,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'repeat',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'replaced',0,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'stuck',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,-1099511627776,0,0,'test',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'counted',1,2,0,3,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'mash',0,0,13,2,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'repeat',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('old-4',3,29891520,0,0,'replaced',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'chord',2,2,3,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'closed',2,3,2,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'counted',9,12,10,11,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'mash',82,86,0,8,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'repeat',1,2,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'replaced',2,2,3,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'stuck',3,4,1,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',0,0,0,0,'test',1,2,2,5,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'chord',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'closed',0,0,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'counted',1,4,3,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'mash',17,84,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'replaced',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'stuck',0,2,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29916000,0,0,'test',0,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'chord',1,2,2,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'closed',2,3,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'counted',8,8,7,8,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'mash',65,2,0,7,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'repeat',1,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'replaced',2,1,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'stuck',3,2,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',1,29917440,0,0,'test',1,1,2,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916720,0,0,'counted',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916720,0,0,'mash',0,65,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916720,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916720,0,0,'test',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'closed',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'counted',0,1,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'mash',17,19,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'stuck',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916780,0,0,'test',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916840,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916840,0,0,'counted',0,3,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29916840,0,0,'replaced',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917020,0,0,'counted',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917020,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917080,0,0,'mash',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917080,0,0,'stuck',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917140,0,0,'closed',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917140,0,0,'counted',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917140,0,0,'test',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917620,0,0,'closed',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'chord',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'closed',0,2,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'counted',1,2,1,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'mash',35,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'repeat',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'replaced',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'stuck',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917680,0,0,'test',0,0,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917740,0,0,'closed',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917740,0,0,'counted',3,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917740,0,0,'mash',1,2,0,6,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917740,0,0,'repeat',1,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'closed',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'counted',0,3,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'mash',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'replaced',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917800,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917860,0,0,'counted',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917860,0,0,'mash',10,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917860,0,0,'test',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917920,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29917920,0,0,'counted',1,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918160,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918160,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918160,0,0,'counted',0,0,2,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918160,0,0,'replaced',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918160,0,0,'stuck',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'closed',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'counted',1,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'mash',19,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'replaced',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'stuck',1,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918220,0,0,'test',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918280,0,0,'counted',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918280,0,0,'test',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918340,0,0,'chord',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918340,0,0,'counted',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918400,0,0,'chord',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',2,29918400,0,0,'counted',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'chord',2,2,3,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'closed',2,3,2,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'counted',9,12,10,11,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'mash',82,86,0,8,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'repeat',1,2,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'replaced',2,2,3,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'stuck',3,4,1,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-1',3,29891520,0,0,'test',1,2,2,5,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'chord',2,4,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'closed',0,2,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'counted',5,4,9,4,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'mash',73,0,48,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'repeat',2,1,2,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'replaced',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'stuck',0,2,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',0,0,0,0,'test',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'chord',1,3,2,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'counted',3,2,0,3,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'mash',73,0,48,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'replaced',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'stuck',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29916000,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'chord',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'closed',0,1,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'counted',2,2,9,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'mash',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'repeat',2,0,2,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'replaced',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',1,29917440,0,0,'test',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'chord',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'closed',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'counted',1,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'mash',73,0,35,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'replaced',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916660,0,0,'stuck',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916840,0,0,'chord',0,1,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916840,0,0,'counted',2,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916840,0,0,'mash',0,0,13,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916840,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916960,0,0,'chord',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916960,0,0,'counted',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916960,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29916960,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917380,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917380,0,0,'replaced',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917440,0,0,'chord',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917440,0,0,'closed',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917440,0,0,'counted',0,0,3,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917440,0,0,'repeat',1,0,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917440,0,0,'replaced',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917500,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917500,0,0,'closed',0,0,2,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917500,0,0,'counted',1,1,5,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917500,0,0,'mash',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917500,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917560,0,0,'counted',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917560,0,0,'repeat',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',2,29917560,0,0,'test',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'chord',2,4,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'closed',0,2,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'counted',5,4,9,4,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'mash',73,0,48,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'repeat',2,1,2,1,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'replaced',1,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'stuck',0,2,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('till-2',3,29891520,0,0,'test',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'chord',2,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'closed',2,1,3,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'counted',3,6,10,8,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'mash',35,21,51,128,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'repeat',3,2,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'replaced',2,2,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'stuck',0,2,0,3,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',0,0,0,0,'test',2,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'chord',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'closed',1,0,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'counted',1,1,7,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'mash',33,0,35,33,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'repeat',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'replaced',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'stuck',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,-1099511627776,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29916000,0,0,'repeat',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29916000,0,0,'replaced',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29916000,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'chord',2,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'closed',1,1,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'counted',2,5,3,6,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'mash',2,21,16,95,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'repeat',2,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'replaced',1,1,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'stuck',0,1,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',1,29917440,0,0,'test',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'chord',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'closed',1,0,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'counted',1,1,7,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'mash',33,0,35,33,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'repeat',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'replaced',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'stuck',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,-1099511627776,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917380,0,0,'repeat',1,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917380,0,0,'replaced',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917380,0,0,'stuck',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'closed',0,1,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'counted',2,2,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'mash',1,1,0,16,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'repeat',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'replaced',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917500,0,0,'stuck',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917560,0,0,'counted',0,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917680,0,0,'closed',1,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917680,0,0,'counted',0,0,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917680,0,0,'repeat',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29917680,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918100,0,0,'counted',0,0,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918100,0,0,'mash',1,0,16,78,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918100,0,0,'replaced',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918100,0,0,'stuck',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918100,0,0,'test',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918160,0,0,'chord',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918160,0,0,'counted',0,3,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918160,0,0,'mash',0,20,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918160,0,0,'repeat',1,0,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',2,29918160,0,0,'replaced',0,1,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'chord',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'closed',1,0,2,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'counted',1,1,7,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'mash',33,0,35,33,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'repeat',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'replaced',0,1,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'stuck',0,0,0,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,-1099511627776,0,0,'test',1,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'chord',2,0,0,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'closed',1,1,1,1,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'counted',2,5,3,6,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'mash',2,21,16,95,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'repeat',3,2,1,0,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'replaced',2,1,1,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'stuck',0,2,0,2,0,0,0,0);
INSERT INTO "cells" VALUES('ward-3',3,29891520,0,0,'test',1,1,0,0,0,0,0,0);
CREATE TABLE counters (
	name VARCHAR(16) NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "counters" VALUES('arrival',12);
INSERT INTO "counters" VALUES('site',1795883322171);
CREATE TABLE follow_up_options (
	id INTEGER NOT NULL, 
	follow_up_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	position SMALLINT, 
	texts TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (follow_up_id, "key"), 
	FOREIGN KEY(follow_up_id) REFERENCES follow_ups (id)
);
CREATE TABLE follow_ups (
	id INTEGER NOT NULL, 
	survey_id INTEGER NOT NULL, 
	positive SMALLINT NOT NULL, 
	texts TEXT NOT NULL, 
	ended SMALLINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (survey_id, positive), 
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
CREATE TABLE hymio_schema (
	version INTEGER NOT NULL
);
INSERT INTO "hymio_schema" VALUES(4);
CREATE TABLE logs (
	device_id VARCHAR(32) NOT NULL, 
	log_id BIGINT NOT NULL, 
	totals_1 BIGINT, 
	totals_2 BIGINT, 
	totals_3 BIGINT, 
	totals_4 BIGINT, 
	totals_seq BIGINT, 
	pressed BIGINT, 
	told_seq BIGINT, 
	told_total BIGINT, 
	marker_seq BIGINT, 
	marker_boot INTEGER, 
	marker_offset_ms BIGINT, 
	next_seq BIGINT NOT NULL, 
	oldest_seq BIGINT NOT NULL, 
	cursor_seq BIGINT NOT NULL, 
	duplicates BIGINT NOT NULL, 
	conflicts BIGINT NOT NULL, 
	first_seen_utc DOUBLE NOT NULL, 
	last_seen_utc DOUBLE NOT NULL, 
	presses BIGINT DEFAULT '0' NOT NULL, 
	lost BIGINT DEFAULT '0' NOT NULL, 
	open_gaps BIGINT DEFAULT '0' NOT NULL, 
	pace_seq BIGINT, 
	pace_utc DOUBLE, 
	pruned_seq BIGINT DEFAULT '0' NOT NULL, 
	folded BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (device_id, log_id)
)
 WITHOUT ROWID

;
INSERT INTO "logs" VALUES('old-4',404,81,13,92,30,88,216,NULL,NULL,87,1,1794960000000,88,0,80,18,1,1795000000.0,1795000000.0,215,0,0,87,1795000000.0,0,0);
INSERT INTO "logs" VALUES('till-1',101,102,113,21,34,160,270,160,270,151,4,1795099000934,160,0,160,63,0,1795000000.0,1795120001.0,270,0,0,20,1795000000.0,0,0);
INSERT INTO "logs" VALUES('till-2',202,123,57,75,15,120,270,120,270,70,2,1795046209367,120,0,67,0,0,1795000000.0,1795000010.0,174,0,1,120,1795000000.0,0,0);
INSERT INTO "logs" VALUES('ward-3',303,65,39,70,203,140,377,NULL,NULL,137,7,NULL,140,60,129,0,0,1795000000.0,1795000000.0,213,164,0,140,1795000000.0,0,0);
INSERT INTO "logs" VALUES('ward-3',304,3,1,40,37,25,81,NULL,NULL,19,5,NULL,25,0,13,0,0,1795086400.0,1795086400.0,81,0,0,25,1795086400.0,0,0);
CREATE TABLE nodes (
	id INTEGER NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	parent_id INTEGER, 
	time_zone VARCHAR(64), 
	hours TEXT, 
	level VARCHAR(16), 
	custom TEXT NOT NULL, 
	until_utc_minute BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (organisation_id, "key"), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(parent_id) REFERENCES nodes (id)
);
INSERT INTO "nodes" VALUES(1,1,'hall','Hall','group',NULL,NULL,NULL,NULL,'{}',NULL);
INSERT INTO "nodes" VALUES(2,1,'till','Till','point',1,NULL,NULL,NULL,'{}',NULL);
INSERT INTO "nodes" VALUES(3,1,'ward','Ward','point',1,NULL,NULL,NULL,'{}',NULL);
CREATE TABLE organisations (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	locale VARCHAR(16) NOT NULL, 
	time_zone VARCHAR(64) NOT NULL, 
	good DOUBLE NOT NULL, 
	excellent DOUBLE NOT NULL, 
	the_very_best DOUBLE NOT NULL, 
	too_few_customer INTEGER NOT NULL, 
	too_few_staff INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "organisations" VALUES(1,'shop','Shop','en','UTC',70.0,80.0,90.0,5,10);
CREATE TABLE placements (
	id INTEGER NOT NULL, 
	device_id VARCHAR(32) NOT NULL, 
	node_id INTEGER NOT NULL, 
	from_utc_minute BIGINT NOT NULL, 
	until_utc_minute BIGINT, 
	asks VARCHAR(8) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (device_id, from_utc_minute), 
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "placements" VALUES(1,'new-6',3,29453760,NULL,'customer');
INSERT INTO "placements" VALUES(2,'till-1',2,29979360,NULL,'customer');
INSERT INTO "placements" VALUES(3,'ward-3',3,29979360,NULL,'customer');
CREATE TABLE presses (
	device_id VARCHAR(32) NOT NULL, 
	log_id BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	boot INTEGER NOT NULL, 
	uptime_ms BIGINT NOT NULL, 
	button SMALLINT NOT NULL, 
	count INTEGER NOT NULL, 
	span_s SMALLINT, 
	verdict TEXT NOT NULL, 
	stored_verdict TEXT NOT NULL, 
	flags SMALLINT, 
	quiet_ms INTEGER, 
	edges SMALLINT, 
	clock TEXT NOT NULL, 
	pressed_utc DOUBLE, 
	via TEXT NOT NULL, 
	received_utc DOUBLE NOT NULL, 
	arrival BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (device_id, log_id, seq)
)
 WITHOUT ROWID

;
INSERT INTO "presses" VALUES('old-4',404,0,1,176749,3,13,9,'mash','mash',NULL,NULL,NULL,'dated',1794960176.749,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,1,1,480837,2,1,NULL,'counted','counted',0,65535,5,'dated',1794960480.837,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,3,1,1223780,2,1,NULL,'counted','counted',0,65535,5,'dated',1794961223.78,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,4,1,1616207,2,1,NULL,'closed','chord',0,65535,5,'dated',1794961616.207,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,5,1,1875160,1,1,NULL,'counted','counted',0,65535,5,'dated',1794961875.16,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,7,1,2308732,1,1,NULL,'replaced','replaced',0,65535,5,'dated',1794962308.732,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,9,1,2316003,4,1,NULL,'mash','mash',0,65535,5,'dated',1794962316.003,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,10,1,2706170,3,1,NULL,'replaced','replaced',0,65535,5,'dated',1794962706.17,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,11,1,3057488,4,1,NULL,'counted','counted',0,65535,5,'dated',1794963057.488,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,12,1,3090210,2,1,NULL,'replaced','replaced',0,65535,5,'dated',1794963090.21,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,15,1,3893021,4,1,NULL,'counted','counted',0,65535,5,'dated',1794963893.021,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,16,1,4225481,3,1,NULL,'repeat','repeat',0,65535,5,'dated',1794964225.481,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,18,1,4679668,4,1,NULL,'counted','counted',0,65535,5,'dated',1794964679.668,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,19,1,5035477,4,1,NULL,'mash','mash',0,65535,5,'dated',1794965035.477,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,20,1,5266107,1,1,NULL,'chord','chord',0,65535,5,'dated',1794965266.107,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,21,1,5405324,2,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,24,1,6130823,3,26,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,25,1,6135784,4,1,NULL,'stuck','stuck',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,26,1,6306608,4,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,28,1,6917145,3,1,NULL,'chord','chord',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,32,1,8015776,2,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,34,1,8247215,3,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,35,1,8376976,3,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,37,1,8770107,3,1,NULL,'mash','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,38,1,8919978,4,1,NULL,'replaced','replaced',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,41,1,9314981,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,42,1,9387731,1,23,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,43,1,9728273,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,44,1,9768507,2,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,45,1,9858433,1,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,46,1,9885003,1,35,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,48,2,158971,2,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,50,2,243407,3,36,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,51,2,393244,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,52,2,556043,4,12,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,53,2,669329,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,54,2,860050,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,55,2,873522,3,1,NULL,'repeat','repeat',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,56,2,1005756,1,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,57,2,1183946,4,1,NULL,'test','test',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,59,2,1652926,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,62,2,2284749,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,63,2,2298149,2,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,64,2,2567152,2,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,65,3,311010,2,1,NULL,'replaced','replaced',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,66,3,359766,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,67,3,438080,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,68,3,682509,2,1,NULL,'stuck','stuck',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,69,3,922376,4,1,NULL,'replaced','replaced',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,70,3,1260231,4,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,71,3,1594139,3,1,NULL,'closed','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,74,3,2052078,4,1,NULL,'test','test',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,76,3,2366043,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,77,3,2608056,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,78,3,2667337,3,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,79,3,3018245,1,17,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,82,4,68558,2,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,83,4,110952,3,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,84,4,369103,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('old-4',404,85,4,649990,1,1,NULL,'repeat','repeat',0,65535,5,'unset',NULL,'mqtt',1795000000.0,12);
INSERT INTO "presses" VALUES('till-1',101,2,2,177264,2,1,NULL,'test','test',0,65535,5,'dated',1795003953.641,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,3,2,492812,4,1,NULL,'counted','counted',0,65535,5,'dated',1795004269.189,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,4,2,712620,2,37,9,'mash','mash',NULL,NULL,NULL,'dated',1795004488.997,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,6,2,1376006,2,1,NULL,'mash','mash',0,65535,5,'dated',1795005152.383,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,7,2,1755755,2,1,NULL,'stuck','stuck',0,65535,5,'dated',1795005532.132,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,10,2,2578739,2,27,9,'mash','mash',NULL,NULL,NULL,'set',1795006682.863,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,12,2,2963426,4,1,NULL,'counted','counted',0,65535,5,'set',1795007067.55,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,13,2,3301419,3,1,NULL,'closed','closed',0,65535,5,'set',1795007405.543,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,14,2,3461610,2,1,NULL,'repeat','repeat',0,65535,5,'set',1795007565.734,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,15,2,3586078,4,1,NULL,'stuck','stuck',0,65535,5,'set',1795007690.202,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,16,2,3810202,2,1,NULL,'counted','counted',0,65535,5,'set',1795007914.326,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,17,2,4088969,4,1,NULL,'test','test',0,65535,5,'set',1795008193.093,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,19,2,4662721,3,1,NULL,'counted','counted',0,65535,5,'set',1795008766.845,'mqtt',1795000000.0,1);
INSERT INTO "presses" VALUES('till-1',101,20,2,4984860,2,19,9,'mash','mash',NULL,NULL,NULL,'set',1795009088.984,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,24,2,5935843,3,1,NULL,'chord','chord',0,65535,5,'set',1795010039.967,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,25,2,6018348,1,17,9,'mash','mash',NULL,NULL,NULL,'set',1795010122.472,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,26,2,6197069,4,1,NULL,'stuck','stuck',0,65535,5,'set',1795010301.193,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,27,2,6522667,4,1,NULL,'counted','counted',0,65535,5,'set',1795010626.791,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,28,2,6527026,2,1,NULL,'counted','counted',0,65535,5,'set',1795010631.15,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,29,2,6770356,3,1,NULL,'replaced','replaced',0,65535,5,'set',1795010874.48,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,30,2,6990961,2,1,NULL,'counted','counted',0,65535,5,'set',1795011095.085,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,31,2,7017053,2,1,NULL,'replaced','replaced',0,65535,5,'set',1795011121.177,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,32,2,7114121,1,1,NULL,'chord','chord',0,65535,5,'set',1795011218.245,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,33,2,7462857,2,1,NULL,'counted','counted',0,65535,5,'set',1795011566.981,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,36,2,8161059,2,1,NULL,'stuck','stuck',0,65535,5,'set',1795024307.791,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,37,2,8523675,3,1,NULL,'counted','counted',0,65535,5,'set',1795024670.407,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,39,2,8920394,4,1,NULL,'mash','mash',0,65535,5,'set',1795025067.126,'mqtt',1795014000.0,2);
INSERT INTO "presses" VALUES('till-1',101,41,2,9037101,3,1,NULL,'stuck','counted',0,65535,5,'set',1795028105.507,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,43,2,9420492,1,1,NULL,'counted','counted',0,65535,5,'set',1795028488.898,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,44,2,9607243,4,1,NULL,'test','test',0,65535,5,'set',1795028675.649,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,46,2,9955822,3,1,NULL,'counted','counted',0,65535,5,'set',1795029024.228,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,47,2,10332974,4,1,NULL,'closed','closed',0,65535,5,'set',1795029401.38,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,52,3,100168,4,1,NULL,'closed','closed',0,65535,5,'dated',1795060476.06,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,53,3,448518,4,1,NULL,'test','test',0,65535,5,'dated',1795060824.41,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,54,3,565734,2,1,NULL,'stuck','counted',0,65535,5,'dated',1795060941.626,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,55,3,615941,4,1,NULL,'repeat','repeat',0,65535,5,'dated',1795060991.833,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,56,3,722021,1,35,9,'mash','mash',NULL,NULL,NULL,'dated',1795061097.913,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,57,3,827294,4,1,NULL,'counted','counted',0,65535,5,'dated',1795061203.186,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,58,3,1090486,3,1,NULL,'test','test',0,65535,5,'dated',1795061466.378,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,59,3,1218768,3,1,NULL,'replaced','replaced',0,65535,5,'dated',1795061594.66,'mqtt',1795028000.0,3);
INSERT INTO "presses" VALUES('till-1',101,61,3,1651743,3,1,NULL,'counted','counted',0,65535,5,'dated',1795062027.635,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,63,3,2056743,2,1,NULL,'closed','closed',0,65535,5,'dated',1795062432.635,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,64,3,2354942,1,1,NULL,'counted','counted',0,65535,5,'dated',1795062730.834,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,65,3,2604783,2,1,NULL,'closed','closed',0,65535,5,'dated',1795062980.675,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,66,3,2795986,4,1,NULL,'test','test',0,65535,5,'dated',1795063171.878,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,67,3,2843299,2,1,NULL,'chord','chord',0,65535,5,'dated',1795063219.191,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,68,3,2933106,4,1,NULL,'counted','counted',0,65535,5,'dated',1795063308.998,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,69,3,3146323,4,1,NULL,'counted','counted',0,65535,5,'dated',1795063522.215,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,70,3,3182415,2,1,NULL,'counted','counted',0,65535,5,'dated',1795063558.307,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,71,3,3247697,2,1,NULL,'counted','counted',0,65535,5,'dated',1795063623.589,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,72,3,3407971,3,1,NULL,'closed','counted',0,65535,5,'dated',1795063783.863,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,74,3,3716154,4,1,NULL,'chord','chord',0,65535,5,'dated',1795064092.046,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,75,3,3954752,1,1,NULL,'stuck','stuck',0,65535,5,'dated',1795064330.644,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,77,3,4311261,1,1,NULL,'counted','counted',0,65535,5,'dated',1795064687.153,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,78,3,4417062,1,1,NULL,'counted','counted',0,65535,5,'dated',1795064792.954,'mqtt',1795042000.0,4);
INSERT INTO "presses" VALUES('till-1',101,81,3,4957462,4,1,NULL,'repeat','repeat',0,65535,5,'dated',1795065333.354,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,82,3,5349931,1,1,NULL,'closed','closed',0,65535,5,'dated',1795065725.823,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,83,3,5658225,3,1,NULL,'counted','counted',0,65535,5,'dated',1795066034.117,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,84,3,5754419,1,1,NULL,'counted','counted',0,65535,5,'dated',1795066130.311,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,85,3,5905660,2,1,NULL,'counted','counted',0,65535,5,'dated',1795066281.552,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,86,3,6124546,2,2,9,'mash','mash',NULL,NULL,NULL,'dated',1795066500.438,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,87,3,6385934,1,1,NULL,'repeat','closed',0,65535,5,'dated',1795066761.826,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,88,3,6598131,1,1,NULL,'mash','mash',0,65535,5,'dated',1795066974.023,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,91,3,7213382,4,6,9,'mash','mash',NULL,NULL,NULL,'dated',1795067589.274,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,93,3,7701498,3,1,NULL,'counted','counted',0,65535,5,'dated',1795068077.39,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,94,3,8078984,4,1,NULL,'closed','closed',0,65535,5,'dated',1795068454.876,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,96,3,8704443,4,1,NULL,'mash','repeat',0,65535,5,'dated',1795069080.335,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,97,3,8893642,3,1,NULL,'replaced','replaced',0,65535,5,'dated',1795069269.534,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,98,3,9147097,1,1,NULL,'test','test',0,65535,5,'dated',1795069522.989,'mqtt',1795056000.0,5);
INSERT INTO "presses" VALUES('till-1',101,101,3,9875209,2,1,NULL,'counted','counted',0,65535,5,'set',1795070251.101,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,102,3,9915389,3,1,NULL,'counted','counted',0,65535,5,'set',1795070291.281,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,103,3,10022961,2,1,NULL,'repeat','repeat',0,65535,5,'set',1795070398.853,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,105,3,10686489,2,1,NULL,'counted','counted',0,65535,5,'set',1795071062.381,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,106,3,11039721,2,1,NULL,'counted','counted',0,65535,5,'set',1795071415.613,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,107,3,11427536,2,1,NULL,'counted','counted',0,65535,5,'set',1795071803.428,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,108,3,11634017,1,10,9,'mash','mash',NULL,NULL,NULL,'set',1795072009.909,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,109,3,12025126,3,1,NULL,'test','test',0,65535,5,'set',1795072401.018,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,112,3,12493676,3,1,NULL,'chord','chord',0,65535,5,'set',1795077414.834,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,113,3,12796677,1,1,NULL,'counted','counted',0,65535,5,'set',1795077717.835,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,116,3,13672578,4,1,NULL,'counted','counted',0,65535,5,'set',1795078593.736,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,118,4,41536,3,1,NULL,'counted','counted',0,65535,5,'dated',1795091481.755,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,119,4,350518,4,1,NULL,'counted','counted',0,65535,5,'dated',1795091790.737,'mqtt',1795070000.0,6);
INSERT INTO "presses" VALUES('till-1',101,120,4,406678,4,1,NULL,'counted','counted',0,65535,5,'dated',1795091846.897,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,122,4,608304,2,1,NULL,'replaced','replaced',0,65535,5,'dated',1795092048.523,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,123,4,934460,1,1,NULL,'chord','chord',0,65535,5,'dated',1795092374.679,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,124,4,1097208,1,1,NULL,'stuck','stuck',0,65535,5,'dated',1795092537.427,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,125,4,1288992,1,1,NULL,'replaced','replaced',0,65535,5,'dated',1795092729.211,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,126,4,1335869,2,1,NULL,'closed','replaced',0,65535,5,'dated',1795092776.088,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,127,4,1707420,3,1,NULL,'counted','counted',0,65535,5,'dated',1795093147.639,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,128,4,1956874,2,1,NULL,'counted','counted',0,65535,5,'dated',1795093397.093,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,129,4,2281440,1,1,NULL,'counted','counted',0,65535,5,'dated',1795093721.659,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,131,4,2719885,1,19,9,'mash','mash',NULL,NULL,NULL,'dated',1795094160.104,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,133,4,3045978,1,1,NULL,'closed','closed',0,65535,5,'dated',1795094486.197,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,134,4,3165687,1,1,NULL,'replaced','replaced',0,65535,5,'dated',1795094605.906,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,135,4,3516147,4,1,NULL,'counted','counted',0,65535,5,'dated',1795094956.366,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,137,4,4157508,1,1,NULL,'stuck','test',0,65535,5,'set',1795095597.727,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,139,4,4444044,2,1,NULL,'test','test',0,65535,5,'set',1795095884.263,'mqtt',1795084000.0,7);
INSERT INTO "presses" VALUES('till-1',101,140,4,4460245,4,1,NULL,'stuck','counted',0,65535,5,'set',1795095900.464,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,142,4,4776636,2,1,NULL,'stuck','closed',0,65535,5,'set',1795096216.855,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,144,4,5247097,1,1,NULL,'counted','counted',0,65535,5,'set',1795100330.971,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,145,4,5269065,4,1,NULL,'test','test',0,65535,5,'set',1795100352.939,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,148,4,5973330,4,1,NULL,'counted','counted',0,65535,5,'set',1795101057.204,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,150,4,6509397,3,1,NULL,'chord','chord',0,65535,5,'set',1795101593.271,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,154,4,7795451,2,1,NULL,'chord','chord',0,65535,5,'set',1795106796.385,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,155,4,7873169,1,1,NULL,'counted','counted',0,65535,5,'set',1795106874.103,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,156,4,8053409,4,1,NULL,'chord','chord',0,65535,5,'set',1795107054.343,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-1',101,157,4,8367541,3,1,NULL,'counted','counted',0,65535,5,'set',1795107368.475,'mqtt',1795098000.0,8);
INSERT INTO "presses" VALUES('till-2',202,1,1,285762,2,1,NULL,'closed','closed',0,65535,5,'set',1795000034.65,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,2,1,492435,1,33,9,'mash','mash',NULL,NULL,NULL,'set',1795000241.323,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,3,1,519863,1,29,9,'mash','mash',NULL,NULL,NULL,'set',1795000268.751,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,4,1,687356,3,35,9,'mash','mash',NULL,NULL,NULL,'set',1795000436.244,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,5,1,896854,2,1,NULL,'counted','counted',0,65535,5,'set',1795000645.742,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,6,1,1072617,3,1,NULL,'stuck','mash',0,65535,5,'set',1795000821.505,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,8,1,1690795,4,1,NULL,'counted','counted',0,65535,5,'set',1795001439.683,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,9,1,1882955,4,1,NULL,'chord','chord',0,65535,5,'set',1795001631.843,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,10,1,2149545,2,1,NULL,'chord','chord',0,65535,5,'set',1795001898.433,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,11,1,2503060,1,11,9,'mash','mash',NULL,NULL,NULL,'set',1795002251.948,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,14,1,3076716,1,1,NULL,'counted','counted',0,65535,5,'set',1795002825.604,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,15,1,3278859,3,1,NULL,'replaced','test',0,65535,5,'set',1795003027.747,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,17,1,3512339,3,1,NULL,'chord','repeat',0,65535,5,'set',1795011297.71,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,19,1,4051356,1,1,NULL,'counted','counted',0,65535,5,'set',1795011836.727,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,21,1,4561492,3,1,NULL,'chord','chord',0,65535,5,'set',1795012346.863,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,23,1,4965551,3,13,9,'mash','mash',NULL,NULL,NULL,'set',1795012750.922,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,25,1,5382303,1,1,NULL,'counted','counted',0,65535,5,'set',1795013167.674,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,26,1,5655680,2,1,NULL,'chord','counted',0,65535,5,'set',1795013441.051,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,28,1,5884897,4,1,NULL,'counted','counted',0,65535,5,'set',1795013670.268,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,29,1,5936419,2,1,NULL,'repeat','repeat',0,65535,5,'set',1795013721.79,'mqtt',1795000000.0,9);
INSERT INTO "presses" VALUES('till-2',202,50,1,10520344,2,1,NULL,'chord','chord',0,65535,5,'set',1795018305.715,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,51,1,10883044,4,1,NULL,'counted','counted',0,65535,5,'set',1795018668.415,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,52,1,11191384,2,1,NULL,'counted','counted',0,65535,5,'set',1795018976.755,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,53,1,11509155,1,1,NULL,'test','test',0,65535,5,'set',1795019294.526,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,54,1,11840157,2,1,NULL,'stuck','stuck',0,65535,5,'set',1795019625.528,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,56,2,156785,1,1,NULL,'chord','chord',0,65535,5,'dated',1795046366.152,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,57,2,183110,1,1,NULL,'replaced','replaced',0,65535,5,'dated',1795046392.477,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,59,2,593860,3,1,NULL,'counted','counted',0,65535,5,'dated',1795046803.227,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,60,2,912953,3,1,NULL,'chord','chord',0,65535,5,'dated',1795047122.32,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,61,2,1006840,2,1,NULL,'chord','chord',0,65535,5,'dated',1795047216.207,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,63,2,1140478,3,1,NULL,'repeat','counted',0,65535,5,'dated',1795047349.845,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,64,2,1325750,4,1,NULL,'repeat','repeat',0,65535,5,'dated',1795047535.117,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,65,2,1587637,3,1,NULL,'counted','counted',0,65535,5,'dated',1795047797.004,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,66,2,1713493,2,1,NULL,'replaced','replaced',0,65535,5,'dated',1795047922.86,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,67,2,2024244,3,1,NULL,'closed','closed',0,65535,5,'dated',1795048233.611,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,68,2,2364862,2,1,NULL,'closed','closed',0,65535,5,'dated',1795048574.229,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,71,2,3143437,3,1,NULL,'counted','counted',0,65535,5,'set',1795049352.804,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,72,2,3281217,1,1,NULL,'repeat','repeat',0,65535,5,'set',1795049490.584,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,74,2,3957717,3,1,NULL,'counted','counted',0,65535,5,'set',1795050167.084,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,75,2,4318155,4,1,NULL,'mash','mash',0,65535,5,'set',1795050527.522,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,77,2,4545026,3,1,NULL,'closed','closed',0,65535,5,'set',1795050754.393,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,78,2,4653200,3,1,NULL,'counted','counted',0,65535,5,'set',1795050862.567,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,80,2,4959964,1,1,NULL,'counted','counted',0,65535,5,'set',1795051169.331,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,81,2,5197547,4,1,NULL,'counted','counted',0,65535,5,'set',1795051406.914,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,82,2,5341081,2,1,NULL,'stuck','stuck',0,65535,5,'set',1795051550.448,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,83,2,5658202,3,1,NULL,'counted','counted',0,65535,5,'set',1795051867.569,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,84,2,5965619,1,1,NULL,'chord','chord',0,65535,5,'set',1795052174.986,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,85,2,6044854,3,1,NULL,'counted','counted',0,65535,5,'set',1795052254.221,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,86,2,6102223,3,1,NULL,'closed','closed',0,65535,5,'set',1795052311.59,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,87,2,6488172,3,1,NULL,'counted','counted',0,65535,5,'set',1795052697.539,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,88,2,6754361,4,1,NULL,'closed','test',0,65535,5,'set',1795052963.728,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,90,2,7196749,2,1,NULL,'counted','counted',0,65535,5,'set',1795053406.116,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,91,2,7533392,2,1,NULL,'test','test',0,65535,5,'set',1795053742.759,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,92,2,7718651,1,1,NULL,'counted','counted',0,65535,5,'set',1795053928.018,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,94,2,8156568,3,1,NULL,'repeat','repeat',0,65535,5,'set',1795054365.935,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,95,2,8420842,1,1,NULL,'repeat','repeat',0,65535,5,'set',1795054630.209,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,97,2,8780249,3,1,NULL,'counted','counted',0,65535,5,'set',1795054989.616,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('till-2',202,98,2,9011962,2,1,NULL,'counted','counted',0,65535,5,'set',1795055221.329,'mqtt',1795000009.0,9);
INSERT INTO "presses" VALUES('ward-3',303,62,3,2245307,2,1,NULL,'repeat','repeat',0,65535,5,'dated',1795043772.838,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,64,3,2598172,1,1,NULL,'replaced','replaced',0,65535,5,'set',1795044125.703,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,65,3,2746891,2,1,NULL,'stuck','stuck',0,65535,5,'set',1795044274.422,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,66,3,2909324,1,1,NULL,'repeat','repeat',0,65535,5,'set',1795044436.855,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,69,4,538316,2,1,NULL,'mash','mash',0,65535,5,'dated',1795051293.811,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,70,4,589052,1,1,NULL,'counted','counted',0,65535,5,'dated',1795051344.547,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,71,4,757681,4,16,9,'mash','mash',NULL,NULL,NULL,'dated',1795051513.176,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,72,4,765068,2,1,NULL,'counted','counted',0,65535,5,'dated',1795051520.563,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,73,4,1015399,1,1,NULL,'counted','counted',0,65535,5,'dated',1795051770.894,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,75,4,1176453,4,1,NULL,'counted','counted',0,65535,5,'set',1795051931.948,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,77,4,1416258,4,1,NULL,'replaced','replaced',0,65535,5,'set',1795052171.753,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,78,4,1700484,1,1,NULL,'repeat','repeat',0,65535,5,'set',1795052455.979,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,79,4,1885284,2,1,NULL,'counted','counted',0,65535,5,'set',1795052640.779,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,80,4,2097951,2,1,NULL,'closed','test',0,65535,5,'set',1795052853.446,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,81,4,2278851,4,1,NULL,'stuck','stuck',0,65535,5,'set',1795053034.346,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,82,4,2307198,1,1,NULL,'chord','chord',0,65535,5,'set',1795053062.693,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,83,4,2531896,1,1,NULL,'mash','mash',0,65535,5,'set',1795053287.391,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,84,4,2622434,3,1,NULL,'closed','closed',0,65535,5,'set',1795053377.929,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,86,4,3158937,3,1,NULL,'counted','counted',0,65535,5,'set',1795053914.432,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,88,4,3807246,4,1,NULL,'closed','closed',0,65535,5,'set',1795061211.546,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,89,4,3940287,2,1,NULL,'repeat','replaced',0,65535,5,'set',1795061344.587,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,90,4,4280782,1,1,NULL,'test','test',0,65535,5,'set',1795061685.082,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,91,4,4537454,1,1,NULL,'closed','closed',0,65535,5,'set',1795061941.754,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,92,4,4737859,4,1,NULL,'counted','counted',0,65535,5,'set',1795062142.159,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,94,4,5119496,4,1,NULL,'counted','counted',0,65535,5,'set',1795062523.796,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,96,5,329063,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,97,5,475449,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,98,5,584814,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,99,5,957879,3,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,100,5,1289322,2,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,101,5,1448632,1,5,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,102,5,1505962,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,104,6,340766,2,1,NULL,'stuck','stuck',0,65535,5,'dated',1795086429.016,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,105,6,416111,3,1,NULL,'replaced','replaced',0,65535,5,'dated',1795086504.361,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,106,6,781344,4,18,9,'mash','mash',NULL,NULL,NULL,'dated',1795086869.594,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,107,6,1091490,3,1,NULL,'counted','counted',0,65535,5,'dated',1795087179.74,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,108,6,1125134,1,1,NULL,'mash','mash',0,65535,5,'dated',1795087213.384,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,109,6,1366633,4,1,NULL,'stuck','counted',0,65535,5,'dated',1795087454.883,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,110,6,1762520,3,16,9,'mash','mash',NULL,NULL,NULL,'dated',1795087850.77,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,111,6,2162497,4,36,9,'mash','mash',NULL,NULL,NULL,'dated',1795088250.747,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,114,6,2671119,4,23,9,'mash','mash',NULL,NULL,NULL,'dated',1795088759.369,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,115,6,2832523,4,1,NULL,'mash','mash',0,65535,5,'dated',1795088920.773,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,116,6,2904520,4,1,NULL,'counted','counted',0,65535,5,'dated',1795088992.77,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,117,6,3219207,1,1,NULL,'replaced','replaced',0,65535,5,'dated',1795089307.457,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,118,6,3248220,2,1,NULL,'test','test',0,65535,5,'dated',1795089336.47,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,119,6,3550234,4,1,NULL,'counted','counted',0,65535,5,'dated',1795089638.484,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,120,6,3901190,1,1,NULL,'chord','chord',0,65535,5,'dated',1795089989.44,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,122,6,4197327,3,1,NULL,'counted','counted',0,65535,5,'dated',1795090285.577,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,124,6,4602941,4,1,NULL,'replaced','replaced',0,65535,5,'dated',1795090691.191,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,126,6,4996811,4,1,NULL,'counted','counted',0,65535,5,'dated',1795091085.061,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,127,6,5123148,2,20,9,'mash','mash',NULL,NULL,NULL,'dated',1795091211.398,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,129,6,5703414,2,1,NULL,'counted','counted',0,65535,5,'dated',1795091791.664,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,130,6,5960526,4,1,NULL,'mash','mash',0,65535,5,'dated',1795092048.776,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,131,6,6120283,1,1,NULL,'repeat','repeat',0,65535,5,'dated',1795092208.533,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,133,6,6400104,2,1,NULL,'counted','counted',0,65535,5,'set',1795092488.354,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,134,6,6461012,3,1,NULL,'repeat','repeat',0,65535,5,'set',1795092549.262,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,135,6,6786174,2,1,NULL,'replaced','replaced',0,65535,5,'set',1795092874.424,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,136,6,6889807,2,1,NULL,'counted','counted',0,65535,5,'set',1795092978.057,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',303,139,7,365473,1,28,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795000000.0,10);
INSERT INTO "presses" VALUES('ward-3',304,2,3,113938,4,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,3,3,462165,4,1,NULL,'mash','mash',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,4,3,536930,4,1,NULL,'repeat','repeat',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,5,3,592261,1,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,6,3,754858,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,7,3,1104426,4,1,NULL,'chord','chord',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,9,3,1521536,3,1,NULL,'closed','closed',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,10,3,1584248,4,1,NULL,'stuck','stuck',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,13,4,156861,1,1,NULL,'test','test',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,14,4,220361,3,35,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,15,4,474874,1,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,16,4,861045,4,32,9,'mash','mash',NULL,NULL,NULL,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,17,4,920619,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,18,4,1036427,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,21,5,563488,3,1,NULL,'counted','counted',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
INSERT INTO "presses" VALUES('ward-3',304,23,5,1082789,2,1,NULL,'replaced','replaced',0,65535,5,'unset',NULL,'mqtt',1795086400.0,11);
CREATE TABLE quarantine (
	digest VARCHAR(64) NOT NULL, 
	device_id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	payload BLOB NOT NULL, 
	received_utc DOUBLE NOT NULL, 
	last_utc DOUBLE NOT NULL, 
	times BIGINT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "quarantine" VALUES('12bd106166cc3c7d3f4c252270c2357b08746731de21d640ea77b13bb7f4a4ca','old-4','hymio/old-4/votes','conflict: seq 5 arrived before as Press(boot=1, uptime_ms=1875160, button=1, verdict=0, flags=0, edges=5, quiet_ms=65535), now as Press(boot=1, uptime_ms=7, button=4, verdict=0, flags=0, edges=5, quiet_ms=65535)',X'020194010000020000000100000A004D0000000003236DB2020000010002090D000201004556070000820005000182BED85A059AD6F32F05868FA5C501050352AC41210000010004000000B0EAE999020503272E4C23000001000300000096CE7105CD3E4C8C',1795000000.0,1795000000.0,1);
INSERT INTO "quarantine" VALUES('45f9bb60aab83fce9665da97d3be0500ee92ba2982e01a26aeb1d2f2039ab70d','old-4','hymio/old-4/votes','the CRC does not match: a damaged batch, or not one of old-4',X'6E6F20626174636820617420616C6C',1795000060.0,1795000060.0,2);
INSERT INTO "quarantine" VALUES('db73a2a2b3ec179e61945eb504f771b8e15a68a7e18c27b3673ed6d5768183a4','old-4','hymio/old-4/votes','the CRC does not match: a damaged batch, or not one of old-4',X'00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF00FF',1795000060.0,1795000060.0,1);
INSERT INTO "quarantine" VALUES('71b508095406c886faebdb36802955ec095728d71540bf2d53085db9a3b2061c','','hymio/Not A Name/votes','the topic names no terminal',X'77686F65766572',1795000061.0,1795000061.0,1);
CREATE TABLE quarantine_sums (
	device_id TEXT NOT NULL, 
	kept BIGINT NOT NULL, 
	kept_bytes BIGINT NOT NULL, 
	not_kept BIGINT NOT NULL, 
	released BIGINT NOT NULL, 
	dropped BIGINT NOT NULL, 
	PRIMARY KEY (device_id)
);
INSERT INTO "quarantine_sums" VALUES('old-4',3,197,0,0,0);
INSERT INTO "quarantine_sums" VALUES('',1,7,0,0,0);
CREATE TABLE questions (
	id INTEGER NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	texts TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (organisation_id, "key"), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
INSERT INTO "questions" VALUES(1,1,'service','{"en": "How was our service today?"}');
CREATE TABLE records (
	device_id VARCHAR(32) NOT NULL, 
	log_id BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	kind SMALLINT NOT NULL, 
	code SMALLINT NOT NULL, 
	boot INTEGER, 
	uptime_ms BIGINT, 
	body BLOB NOT NULL, 
	target_seq BIGINT, 
	utc_s BIGINT, 
	PRIMARY KEY (device_id, log_id, seq)
)
 WITHOUT ROWID

;
INSERT INTO "records" VALUES('old-4',404,6,2,5,1,2179500,X'52AC41210000010004000000',4,NULL);
INSERT INTO "records" VALUES('old-4',404,8,7,2,1,2313262,X'272E4C230000010003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,13,6,0,NULL,NULL,X'060000000000000004000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,14,6,0,NULL,NULL,X'060000000000000005000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,17,7,2,1,4543680,X'27C054450000010003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,23,7,2,1,5880155,X'275BB9590000010003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,27,6,0,NULL,NULL,X'060000000000000012000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,29,2,1,1,7304124,X'12BC736F0000010018000000',24,NULL);
INSERT INTO "records" VALUES('old-4',404,33,6,0,NULL,NULL,X'060000000000000018000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,36,6,0,NULL,NULL,X'06000000000000001B000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,40,2,2,1,9283270,X'22C6A68D0000010025000000',37,NULL);
INSERT INTO "records" VALUES('old-4',404,47,7,2,1,10214367,X'27DFDB9B0000010003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,58,2,5,2,1264383,X'52FF4A13000002003A000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,60,7,2,2,1845200,X'27D0271C0000020003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,73,7,2,3,1939458,X'2702981D0000030003000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,75,2,5,3,2217008,X'5230D4210000030047000000',71,NULL);
INSERT INTO "records" VALUES('old-4',404,81,2,3,3,3557765,X'328549360000030050000000',80,NULL);
INSERT INTO "records" VALUES('old-4',404,86,6,0,NULL,NULL,X'060000000000000050000000',NULL,NULL);
INSERT INTO "records" VALUES('old-4',404,87,5,1,1,40000000,X'15005A6202000100C086FD6A',NULL,1795000000);
INSERT INTO "records" VALUES('till-1',101,0,5,2,1,261909,X'2515FF0300000100C086FD6A',NULL,1795000000);
INSERT INTO "records" VALUES('till-1',101,1,4,1,2,11,X'140B00000000020000000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,5,7,2,2,1035536,X'2710CD0F0000020003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,8,5,1,2,1823623,X'1587D31B00000200A09CFD6A',NULL,1795005600);
INSERT INTO "records" VALUES('till-1',101,9,5,1,2,2195876,X'15A48121000002005C9FFD6A',NULL,1795006300);
INSERT INTO "records" VALUES('till-1',101,18,7,2,2,4449268,X'27F4E3430000020003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,21,6,0,NULL,NULL,X'06000000000000000C000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,22,6,0,NULL,NULL,X'06000000000000000D000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,34,5,1,2,7653268,X'1594C77400000200B8E3FD6A',NULL,1795023800);
INSERT INTO "records" VALUES('till-1',101,38,2,2,2,8780263,X'22E7F9850000020022000000',34,NULL);
INSERT INTO "records" VALUES('till-1',101,40,5,1,2,8931594,X'150A49880000020020F4FD6A',NULL,1795028000);
INSERT INTO "records" VALUES('till-1',101,45,2,4,2,9740193,X'42A19F940000020029000000',41,NULL);
INSERT INTO "records" VALUES('till-1',101,48,6,0,NULL,NULL,X'060000000000000027000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,49,6,0,NULL,NULL,X'060000000000000028000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,50,5,1,2,10634263,X'151744A200000200780FFE6A',NULL,1795035000);
INSERT INTO "records" VALUES('till-1',101,51,4,1,3,87,X'145700000000030000000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,60,2,4,3,1353478,X'4206A7140000030036000000',54,NULL);
INSERT INTO "records" VALUES('till-1',101,73,6,0,NULL,NULL,X'060000000000000040000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,76,2,5,3,4223032,X'523870400000030048000000',72,NULL);
INSERT INTO "records" VALUES('till-1',101,89,2,1,3,6808162,X'1262E2670000030057000000',87,NULL);
INSERT INTO "records" VALUES('till-1',101,92,7,2,3,7556101,X'27054C730000030003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,99,2,2,3,9399205,X'22A56B8F0000030060000000',96,NULL);
INSERT INTO "records" VALUES('till-1',101,100,5,2,3,9624108,X'252CDA92000003003098FE6A',NULL,1795070000);
INSERT INTO "records" VALUES('till-1',101,104,7,2,3,10408589,X'278DD29E0000030003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,110,5,2,3,12078842,X'25FA4EB80000030088B3FE6A',NULL,1795077000);
INSERT INTO "records" VALUES('till-1',101,111,2,1,3,12256964,X'12C406BB000003006E000000',110,NULL);
INSERT INTO "records" VALUES('till-1',101,115,2,4,3,13402368,X'420081CC0000030072000000',114,NULL);
INSERT INTO "records" VALUES('till-1',101,117,4,1,4,41,X'142900000000040000000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,130,2,5,4,2653449,X'52097D28000004007E000000',126,NULL);
INSERT INTO "records" VALUES('till-1',101,132,6,0,NULL,NULL,X'06000000000000007B000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,136,5,2,4,3759781,X'25A55E3900000400A0FAFE6A',NULL,1795095200);
INSERT INTO "records" VALUES('till-1',101,138,2,4,4,4433929,X'4209A8430000040089000000',137,NULL);
INSERT INTO "records" VALUES('till-1',101,141,2,4,4,4695414,X'4276A547000004008C000000',140,NULL);
INSERT INTO "records" VALUES('till-1',101,143,5,2,4,5016126,X'253E8A4C00000400C40DFF6A',NULL,1795100100);
INSERT INTO "records" VALUES('till-1',101,146,2,4,4,5667272,X'42C87956000004008E000000',142,NULL);
INSERT INTO "records" VALUES('till-1',101,149,2,3,4,6337378,X'3262B3600000040092000000',146,NULL);
INSERT INTO "records" VALUES('till-1',101,151,5,2,4,6699066,X'253A386600000400A423FF6A',NULL,1795105700);
INSERT INTO "records" VALUES('till-1',101,153,6,0,NULL,NULL,X'060000000000000090000000',NULL,NULL);
INSERT INTO "records" VALUES('till-1',101,159,6,0,NULL,NULL,X'060000000000000096000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,0,5,2,1,251112,X'25E8D40300000100C086FD6A',NULL,1795000000);
INSERT INTO "records" VALUES('till-2',202,7,6,0,NULL,NULL,X'060000000000000000000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,12,2,4,1,2779049,X'42A9672A0000010006000000',6,NULL);
INSERT INTO "records" VALUES('till-2',202,16,5,1,1,3414629,X'15651A340000010080B2FD6A',NULL,1795011200);
INSERT INTO "records" VALUES('till-2',202,18,2,6,1,3816312,X'62783B3A000001000F000000',15,NULL);
INSERT INTO "records" VALUES('till-2',202,20,2,3,1,4285808,X'327065410000010011000000',17,NULL);
INSERT INTO "records" VALUES('till-2',202,22,7,2,1,4649200,X'27F0F0460000010003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,27,2,3,1,5831240,X'3248FA58000001001A000000',26,NULL);
INSERT INTO "records" VALUES('till-2',202,55,4,1,2,63,X'143F00000000020000000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,62,2,1,2,1118268,X'123C1011000002003A000000',58,NULL);
INSERT INTO "records" VALUES('till-2',202,69,2,1,2,2654829,X'126D8228000002003F000000',63,NULL);
INSERT INTO "records" VALUES('till-2',202,70,5,2,2,2790633,X'25E9942A000002002846FE6A',NULL,1795049000);
INSERT INTO "records" VALUES('till-2',202,76,6,0,NULL,NULL,X'060000000000000043000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,93,2,5,2,7766898,X'527283760000020058000000',88,NULL);
INSERT INTO "records" VALUES('till-2',202,96,7,2,2,8683124,X'27747E840000020003000000',NULL,NULL);
INSERT INTO "records" VALUES('till-2',202,99,2,1,2,9099341,X'124DD88A000002005E000000',94,NULL);
INSERT INTO "records" VALUES('ward-3',303,60,6,0,NULL,NULL,X'060000000000000033000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,63,5,2,3,2572469,X'25B54027000003000433FE6A',NULL,1795044100);
INSERT INTO "records" VALUES('ward-3',303,67,4,1,4,345,X'145901000000040000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,74,5,1,4,1044505,X'1519F00F000004001851FE6A',NULL,1795051800);
INSERT INTO "records" VALUES('ward-3',303,85,2,5,4,2931399,X'52C7BA2C0000040050000000',80,NULL);
INSERT INTO "records" VALUES('ward-3',303,87,5,1,4,3495700,X'1514573500000400A474FE6A',NULL,1795060900);
INSERT INTO "records" VALUES('ward-3',303,93,2,1,4,5038705,X'1271E24C0000040059000000',89,NULL);
INSERT INTO "records" VALUES('ward-3',303,95,4,1,5,396,X'148C01000000050000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,103,4,1,6,334,X'144E01000000060000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,113,2,4,6,2346352,X'4270CD23000006006D000000',109,NULL);
INSERT INTO "records" VALUES('ward-3',303,121,7,2,6,4075088,X'27502E3E0000060003000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,123,6,0,NULL,NULL,X'060000000000000072000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,128,7,2,6,5468599,X'27B771530000060003000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,132,5,1,6,6311750,X'15464F6000000600B0EFFE6A',NULL,1795092400);
INSERT INTO "records" VALUES('ward-3',303,137,4,1,7,321,X'144101000000070000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',303,138,6,0,NULL,NULL,X'060000000000000081000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,0,4,1,2,222,X'14DE00000000020000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,1,4,1,3,297,X'142901000000030000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,11,6,0,NULL,NULL,X'060000000000000002000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,12,4,1,4,301,X'142D01000000040000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,19,4,1,5,444,X'14BC01000000050000000000',NULL,NULL);
INSERT INTO "records" VALUES('ward-3',304,20,2,6,5,373863,X'6267B405000005000E000000',14,NULL);
INSERT INTO "records" VALUES('ward-3',304,22,6,0,NULL,NULL,X'06000000000000000D000000',NULL,NULL);
CREATE TABLE redating (
	device_id VARCHAR(32) NOT NULL, 
	log_id BIGINT NOT NULL, 
	low_seq BIGINT NOT NULL, 
	high_seq BIGINT NOT NULL, 
	PRIMARY KEY (device_id, log_id, low_seq)
)
 WITHOUT ROWID

;
INSERT INTO "redating" VALUES('old-4',404,21,4611686018427387904);
CREATE TABLE report_schedules (
	id INTEGER NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	node_id INTEGER, 
	every VARCHAR(8) NOT NULL, 
	locale VARCHAR(16) NOT NULL, 
	format VARCHAR(8) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	recipient TEXT NOT NULL, 
	created_by TEXT NOT NULL, 
	created_utc DOUBLE NOT NULL, 
	ended_utc DOUBLE, 
	sent_utc DOUBLE, 
	sent_through VARCHAR(10), 
	tried_utc DOUBLE, 
	trouble TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "report_schedules" VALUES(1,1,NULL,'week','fi','pdf','email','anna@example.org','anna',1795000000.0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE server_keys (
	name VARCHAR(16) NOT NULL, 
	secret BLOB NOT NULL, 
	created_utc DOUBLE NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "server_keys" VALUES('cookies',X'010203',1795000000.0);
CREATE TABLE sessions (
	digest VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	created_utc DOUBLE NOT NULL, 
	expires_utc DOUBLE NOT NULL, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "sessions" VALUES('5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e',1,1795000000.0,1795000009.0);
CREATE TABLE spans (
	device_id VARCHAR(32) NOT NULL, 
	log_id BIGINT NOT NULL, 
	first_seq BIGINT NOT NULL, 
	last_seq BIGINT NOT NULL, 
	totals_before BIGINT NOT NULL, 
	check_seq BIGINT NOT NULL, 
	totals_check BIGINT NOT NULL, 
	presses_check BIGINT NOT NULL, 
	presses BIGINT NOT NULL, 
	lost BIGINT NOT NULL, 
	PRIMARY KEY (device_id, log_id, first_seq)
)
 WITHOUT ROWID

;
INSERT INTO "spans" VALUES('old-4',404,0,87,0,87,215,215,215,0);
INSERT INTO "spans" VALUES('till-1',101,0,159,0,160,270,270,270,0);
INSERT INTO "spans" VALUES('till-2',202,0,29,0,0,0,0,136,0);
INSERT INTO "spans" VALUES('till-2',202,50,99,215,50,215,0,38,0);
INSERT INTO "spans" VALUES('ward-3',303,60,139,164,60,164,0,213,0);
INSERT INTO "spans" VALUES('ward-3',304,0,24,0,0,0,0,81,0);
CREATE TABLE staff_blocks (
	node_id INTEGER NOT NULL, 
	survey_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	full_utc DOUBLE NOT NULL, 
	n1 INTEGER NOT NULL, 
	n2 INTEGER NOT NULL, 
	n3 INTEGER NOT NULL, 
	n4 INTEGER NOT NULL, 
	PRIMARY KEY (node_id, survey_id, number)
);
CREATE TABLE staff_open (
	node_id INTEGER NOT NULL, 
	survey_id INTEGER NOT NULL, 
	n1 INTEGER NOT NULL, 
	n2 INTEGER NOT NULL, 
	n3 INTEGER NOT NULL, 
	n4 INTEGER NOT NULL, 
	PRIMARY KEY (node_id, survey_id)
);
CREATE TABLE survey_places (
	survey_id INTEGER NOT NULL, 
	node_id INTEGER NOT NULL, 
	PRIMARY KEY (survey_id, node_id), 
	FOREIGN KEY(survey_id) REFERENCES surveys (id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "survey_places" VALUES(1,1);
CREATE TABLE surveys (
	id INTEGER NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	question_id INTEGER NOT NULL, 
	first_day VARCHAR(10) NOT NULL, 
	last_day VARCHAR(10), 
	type VARCHAR(8) NOT NULL, 
	scale VARCHAR(8) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (organisation_id, "key"), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
INSERT INTO "surveys" VALUES(1,1,'service-2026',1,'2026-01-01',NULL,'customer','four');
CREATE TABLE terminal_states (
	device_id VARCHAR(32) NOT NULL, 
	heard_utc DOUBLE, 
	said_utc DOUBLE, 
	state VARCHAR(8), 
	problem TEXT, 
	unsent BIGINT, 
	clock_set SMALLINT, 
	supply_mv INTEGER, 
	supply_low SMALLINT, 
	full_mv INTEGER, 
	full_utc DOUBLE, 
	empty_utc DOUBLE, 
	rssi INTEGER, 
	worst_button SMALLINT, 
	edges_a_press DOUBLE, 
	firmware VARCHAR(64), 
	cert_ends_utc DOUBLE, 
	facts TEXT, 
	PRIMARY KEY (device_id)
);
INSERT INTO "terminal_states" VALUES('till-1',1795098000.0,NULL,NULL,NULL,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "terminal_states" VALUES('till-2',1795000009.0,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "terminal_states" VALUES('ward-3',1795086400.0,NULL,NULL,NULL,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "terminal_states" VALUES('old-4',1795000000.0,NULL,NULL,NULL,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "terminal_states" VALUES('new-6',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE terminals (
	device_id VARCHAR(32) NOT NULL, 
	firmware VARCHAR(64), 
	supply_mv INTEGER, 
	rssi INTEGER, 
	forgotten_utc DOUBLE, 
	cleared_utc DOUBLE, 
	PRIMARY KEY (device_id)
)
 WITHOUT ROWID

;
INSERT INTO "terminals" VALUES('gone-5',NULL,NULL,NULL,1795000099.0,NULL);
INSERT INTO "terminals" VALUES('till-1','0.9.0',2890,-61,NULL,NULL);
INSERT INTO "terminals" VALUES('ward-3',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE tokens (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	node_id INTEGER, 
	created_utc DOUBLE NOT NULL, 
	expires_utc DOUBLE, 
	revoked_utc DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (digest), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "tokens" VALUES(1,'Archive','601daebe42e768b9cf01ca072242a2d0cc7c671d8b6c582477a26df9eb7fed4a',1,NULL,1795000000.0,NULL,NULL);
CREATE TABLE user_places (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	node_id INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "user_places" VALUES(1,1,1,1);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name VARCHAR(254) NOT NULL, 
	email VARCHAR(254), 
	role VARCHAR(8) NOT NULL, 
	password TEXT, 
	issuer VARCHAR(255), 
	subject VARCHAR(255), 
	created_utc DOUBLE NOT NULL, 
	disabled_utc DOUBLE, 
	last_login_utc DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (issuer, subject), 
	UNIQUE (name)
);
INSERT INTO "users" VALUES(1,'anna','anna@example.org','manager',NULL,NULL,NULL,1795000000.0,NULL,NULL);
CREATE TABLE wall_links (
	id INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	organisation_id INTEGER NOT NULL, 
	node_id INTEGER, 
	survey_id INTEGER, 
	created_by TEXT NOT NULL, 
	created_utc DOUBLE NOT NULL, 
	revoked_utc DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (digest), 
	FOREIGN KEY(organisation_id) REFERENCES organisations (id), 
	FOREIGN KEY(node_id) REFERENCES nodes (id), 
	FOREIGN KEY(survey_id) REFERENCES surveys (id)
);
INSERT INTO "wall_links" VALUES(1,'7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a','Lobby',1,NULL,NULL,'anna',1795000000.0,NULL);
CREATE INDEX presses_by_arrival ON presses (arrival, device_id, log_id, seq);
CREATE INDEX presses_by_time ON presses (device_id, pressed_utc);
CREATE INDEX answers_by_time ON presses (device_id, pressed_utc) WHERE verdict = 'answer';
CREATE INDEX revisions_by_target ON records (device_id, log_id, target_seq, seq, code) WHERE target_seq IS NOT NULL;
CREATE INDEX records_that_date ON records (device_id, log_id, seq, kind, boot, uptime_ms, utc_s, code) WHERE kind IN (4, 5);
CREATE INDEX logs_with_losses ON logs (device_id) WHERE lost > 0;
CREATE INDEX logs_that_wait ON logs (device_id) WHERE pressed - presses - lost <> 0 OR open_gaps <> 0;
CREATE INDEX quarantine_by_device ON quarantine (device_id);
CREATE INDEX terminals_by_edges_a_press ON terminal_states (edges_a_press, device_id);
CREATE INDEX terminals_by_firmware ON terminal_states (firmware, device_id);
CREATE INDEX terminals_by_cert_ends_utc ON terminal_states (cert_ends_utc, device_id);
CREATE INDEX terminals_with_supply_low ON terminal_states (device_id) WHERE supply_low = 1;
CREATE INDEX terminals_with_clock_unset ON terminal_states (device_id) WHERE clock_set = 0;
CREATE INDEX terminals_by_unsent ON terminal_states (unsent, device_id);
CREATE INDEX terminals_with_problem ON terminal_states (device_id) WHERE problem IS NOT NULL;
CREATE INDEX terminals_by_heard_utc ON terminal_states (heard_utc, device_id);
CREATE INDEX terminals_by_supply_mv ON terminal_states (supply_mv, device_id);
CREATE INDEX terminals_by_empty_utc ON terminal_states (empty_utc, device_id);
CREATE INDEX terminals_by_rssi ON terminal_states (rssi, device_id);
CREATE INDEX sessions_by_end ON sessions (expires_utc);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX places_of_user ON user_places (user_id);
CREATE INDEX answers_by_place ON answers (node_id, answered_utc, answer_id);
CREATE VIEW presses_v1 AS 
        SELECT device_id, log_id, seq, boot, uptime_ms, button, verdict, verdict = 'counted' AS is_vote,
               pressed_utc, clock, via, received_utc, count
        FROM presses;
CREATE VIEW ledger_v1 AS 
        SELECT device_id, log_id, pressed, presses AS "rows", lost, coalesce(pressed - presses - lost, 0) AS waiting,
               duplicates, pressed IS NOT NULL AND pressed - presses - lost = 0 AND open_gaps = 0
               AND next_seq - oldest_seq <= 1032192 AS balanced, folded
        FROM logs;
COMMIT;
