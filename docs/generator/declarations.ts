/**
 * What a module exports, from the declarations that the installed compiler emits. TypeScript 7 has no stable API yet, and
 * typedoc does not take it; ts-morph, which brings a compiler of its own, reads the emitted declarations.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ExportedDeclarations, type JSDocableNode, Node, Project, type SourceFile, ts } from 'ts-morph';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = 'lambdas/tsconfig.build.json';

export interface Exported {
  name: string;
  kind: 'function' | 'class' | 'error' | 'type' | 'constant';
  /** TypeScript, without bodies and private members; docstrings of members stay. */
  declaration: string;
  /** Paragraphs of its docstring, each on one line. */
  description: string[];
  /** `@param`, `@returns` and `@throws`, in their order. */
  tags: Array<{ tag: string; text: string }>;
}

export interface Module {
  /** Paragraphs of the docstring at its top. */
  description: string[];
  exports: Exported[];
}

/**
 * @param paths Of sources, from the project's root.
 * @throws Error when the compiler refuses the project
 */
export function readModules(paths: readonly string[]): Module[] {
  // Below the project, so that types of its dependencies are found.
  mkdirSync(join(ROOT, '.work'), { recursive: true });
  const emitted = mkdtempSync(join(ROOT, '.work/api-'));
  try {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [compiler, '-p', BUILD, '--emitDeclarationOnly', '--outDir', emitted], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const project = new Project({
      compilerOptions: {
        target: ts.ScriptTarget.ESNext,
        module: ts.ModuleKind.NodeNext,
        types: ['node'],
        strict: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
        noEmit: true,
      },
      skipAddingFilesFromTsConfig: true,
    });
    return paths.map((path) => {
      const file = project.addSourceFileAtPath(join(emitted, path.replace(/\.ts$/, '.d.ts')));
      project.resolveSourceFileDependencies();
      return readModule(file);
    });
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
}

function readModule(file: SourceFile): Module {
  const top = /^\/\*\*([\s\S]*?)\*\//.exec(file.getFullText())?.[1] ?? '';
  const exports = [...file.getExportedDeclarations()].map(([name, [declaration]]) => {
    if (declaration === undefined) throw new Error(`"${name}" of ${file.getBaseName()} is exported and not declared.`);
    return readExport(name, declaration);
  });
  return { description: paragraphs(top.replaceAll(/^ *\* ?/gm, '')), exports };
}

function readExport(name: string, declaration: ExportedDeclarations): Exported {
  const statement = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatementOrThrow() : declaration;
  // The one at the top is the file's.
  const docs = Node.isJSDocable(statement)
    ? (statement as JSDocableNode).getJsDocs().filter((doc) => doc.getStart() > 0)
    : [];
  const tags = docs.flatMap((doc) => doc.getTags());
  return {
    name,
    kind: kindOf(declaration),
    declaration: derivedType(declaration) ?? publicText(statement.getText(false)),
    description: docs.flatMap((doc) => paragraphs(doc.getDescription())),
    tags: tags.map((tag) => ({
      tag: tag.getTagName(),
      // With the name of the parameter.
      text: oneLine(tag.getText().replaceAll(/^ *\* ?/gm, '')).replace(/^@\w+ /, ''),
    })),
  };
}

function kindOf(declaration: ExportedDeclarations): Exported['kind'] {
  if (Node.isFunctionDeclaration(declaration)) return 'function';
  if (Node.isVariableDeclaration(declaration)) return 'constant';
  if (!Node.isClassDeclaration(declaration)) return 'type';
  return declaration.getName()?.endsWith('Error') ? 'error' : 'class';
}

/** A type that is computed from a value says nothing by its source: what it comes to is shown instead. */
function derivedType(declaration: ExportedDeclarations): string | undefined {
  if (!Node.isTypeAliasDeclaration(declaration)) return undefined;
  if (!declaration.getTypeNodeOrThrow().getText().includes('typeof ')) return undefined;
  const flags =
    ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.MultilineObjectLiterals;
  const text = declaration.getType().getText(declaration, flags);
  // It is indented, and on one line.
  return publicText(`type ${declaration.getName()} = ${text.replaceAll(/(?<=[{;])(?= {4}|\}$)/g, '\n')};`);
}

function publicText(text: string): string {
  return text
    .replace(/^export (declare )?/, '')
    .replaceAll(/import\("[^"]*"\)\./g, '')
    .replaceAll(/^ {4}(#private|private [^\n]*);\n/gm, '')
    .replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2));
}

function paragraphs(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => (/^\s*[|-]/m.test(paragraph) ? paragraph.trim() : oneLine(paragraph)))
    .filter((paragraph) => paragraph !== '');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
