import { conformOver } from './suite.js';

conformOver('memory');
