export declare const descriptorsSha256: string;
