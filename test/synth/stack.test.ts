/** The checks of the template: in one file, since loading the CDK takes longer than they do. */
import './access-suite.ts';
import './alarms-suite.ts';
import './endpoint-suite.ts';
import './metrics-suite.ts';
import './policies-suite.ts';
import './reference-suite.ts';
import './template-suite.ts';
