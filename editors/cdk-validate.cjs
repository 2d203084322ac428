// Checks templates with the CDK's validator, and model packages in them with this type's schema.
//
//   node cdk-validate.cjs [PARAMETER=VALUE ...] TEMPLATE ...
//
// The validator, @aws/cloudformation-validate, is the one installed in the current folder, or else the one that
// aws-cdk-lib brings along. The exit code is 1 if it reports an error, and 2 without a validator or template.
"use strict";

const fs = require("fs");
const path = require("path");

const NAME = "@aws/cloudformation-validate";
const SCHEMAS = path.join(__dirname, "schemas");

function validator() {
  const cdk = path.join(process.cwd(), "node_modules", "aws-cdk-lib");
  try {
    return require(require.resolve(NAME, { paths: [process.cwd(), cdk] }));
  } catch {
    console.error(`There is no ${NAME} here: npm install ${NAME}`);
    process.exit(2);
  }
}

function main(given) {
  const parameters = given.filter((each) => /^[A-Za-z0-9]+=/.test(each));
  const templates = given.filter((each) => !parameters.includes(each));
  if (templates.length === 0) {
    console.error("usage: node cdk-validate.cjs [PARAMETER=VALUE ...] TEMPLATE ...");
    return 2;
  }
  const { RegoEngine, SchemaFile, TemplateFile } = validator();
  const missing = templates.filter((each) => !fs.statSync(each, { throwIfNoEntry: false })?.isFile());
  if (missing.length > 0) {
    console.error(`There is no template ${missing.join(", ")}`);
    return 2;
  }
  const schemas = fs.readdirSync(SCHEMAS).map((each) => new SchemaFile(path.join(SCHEMAS, each)));
  const engine = new RegoEngine({ schemaValidatorConfig: { additionalSchemas: schemas } });
  const settings = {
    severityLevel: "WARN",
    parameterOverrides: Object.fromEntries(parameters.map((each) => each.split(/=(.*)/s).slice(0, 2))),
  };
  let isWrong = false;
  for (const template of templates) {
    for (const each of engine.validateStandard(new TemplateFile(template), settings).diagnostics) {
      isWrong ||= each.severity !== "WARN";
      console.log(`${template}:${each.startLine ?? 1}: ${each.ruleId} ${each.propertyPath ?? ""}: ${each.message}`);
    }
  }
  engine.free();
  return isWrong ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
