import { suite } from 'uvu';
import { postgresSite } from '../helpers/archive-sites.js';
import { storeSuite } from '../helpers/archive-suite.js';
import { importSuite } from '../helpers/archive-suite-import.js';
import { querySuite } from '../helpers/archive-suite-query.js';
import { startPostgres } from '../helpers/postgres.js';

const test = suite('an archive in PostgreSQL');
const postgres = await startPostgres();
const site = () => postgresSite(postgres);

storeSuite(test, site);
importSuite(test, site);
querySuite(test, site);

test.after(() => postgres.stop());

test.run();
