/** `npx cdk synth`, `npx cdk deploy`: Docker, a network and credentials are needed only to deploy. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseDeploymentConfig } from './parse-settings.ts';
import { CompactorStack } from './stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const config = parseDeploymentConfig(app.node.getAllContext());
new CompactorStack(app, config.stackName, { config });
