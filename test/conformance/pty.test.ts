import { conformOver } from './suite.js';

conformOver('pty');
