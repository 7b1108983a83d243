import { suite } from 'uvu';
import { sqliteSite } from '../helpers/archive-sites.js';
import { querySuite } from '../helpers/archive-suite-query.js';

const test = suite('queries of an archive in SQLite');

querySuite(test, sqliteSite);

test.run();
