import { suite } from 'uvu';
import { sqliteSite } from '../helpers/archive-sites.js';
import { storeSuite } from '../helpers/archive-suite.js';
import { importSuite } from '../helpers/archive-suite-import.js';

const test = suite('an archive in SQLite');

storeSuite(test, sqliteSite);
importSuite(test, sqliteSite);

test.run();
