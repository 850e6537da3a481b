// The part of node:process that client.ts uses, so that the projects need no @types/node.
declare module "node:process" {
  const process: { env: Record<string, string | undefined> };
  export default process;
}
